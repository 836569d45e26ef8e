"""One group of commands for each noun of the API; each opens the office, acts and shows."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli import alias, api_key, app_password, campaign, client, connection, ip, mailbox, person, segment
from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

_GROUPS: dict[str, typer.Typer] = {
    "alias": alias.app,
    "api-key": api_key.app,
    "app-password": app_password.app,
    "campaign": campaign.app,
    "client": client.app,
    "connection": connection.app,
    "ip": ip.app,
    "mailbox": mailbox.app,
    "person": person.app,
    "pool": ip.pools,
    "rating": client.rating,
    "segment": segment.app,
}


def _group(name: str, words: str) -> typer.Typer:
    _GROUPS[name] = typer.Typer(help=words, no_args_is_help=True)
    return _GROUPS[name]


def add_to(app: typer.Typer) -> None:
    for name, group in sorted(_GROUPS.items()):
        app.add_typer(group, name=name)


project = _group("project", "Projects, the tenants of the appliance.")
domain = _group("domain", "Domains of a project.")
sender = _group("sender", "Senders, the From identities of a project.")
client_list = _group("list", "Lists of clients.")

Name = Annotated[str, typer.Argument()]
Address = Annotated[str, typer.Argument()]


@project.command(name="add")
def add_project(name: Name, campaigns: bool = False, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Make a project; its API key is shown once."""
    from admin.acts import projects

    with opened(folder) as office:
        show_one(projects.create(office, name, campaigns), as_json)


@project.command(name="list")
def list_projects(folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import pages, projects

    with opened(folder) as office:
        show(projects.page(office, pages.Window(limit=pages.LONGEST)).items, as_json)


@project.command(name="set")
def set_project(
    name: Name, campaigns: Annotated[bool, typer.Option()], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Whether its plan allows campaigns."""
    from admin.acts import projects

    with opened(folder) as office:
        show_one(projects.allow_campaigns(office, name, campaigns), as_json)


@domain.command(name="add")
def add_domain(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Add a domain, with new DKIM keys; the records to publish are shown."""
    from admin.acts import domains

    with opened(folder) as office:
        made = domains.create(office, project_id(office, project), name)
        if as_json:
            show_one(made, as_json)
        else:
            show(made.records, as_json)


@domain.command(name="show")
def show_domain(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import domains

    with opened(folder) as office:
        show_one(domains.get(office, project_id(office, project), name), as_json)


@domain.command(name="set")
def set_domain(
    name: Name,
    owned: bool | None = None,
    sending: bool | None = None,
    linked: bool | None = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Set what the domain may do by hand, as the operator."""
    from admin.acts import domains

    asked = {"owned": owned, "sending": sending, "linked": linked}
    with opened(folder) as office:
        states = {state: value for state, value in asked.items() if value is not None}
        show_one(domains.set_states(office, project_id(office, project), name, states), as_json)


@domain.command(name="check")
def check_domain(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Ask the name servers now: what each record lacks, how to mend it, and what follows for the domain."""
    from admin.acts import domain_checks, domains
    from admin.finding_lines import finding_lines
    from admin.pages.catalogue import Words
    from net.resolver import Resolver

    with opened(folder) as office:
        dns = office.settings.dns
        resolver = Resolver(dns.servers, dns.timeout)
        here = project_id(office, project)
        found = domain_checks.check(office, resolver, here, name)
        if as_json:
            show_one(found, as_json)
            return
        words = Words("en")
        for one in found.findings:
            typer.echo("\n".join(finding_lines(words, one)))
        now = domains.get(office, here, name)
        typer.echo(f"owned: {now.owned}, sending: {now.sending}, linked: {now.linked}")


@domain.command(name="follow")
def follow_checks(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Give states that were set by hand back to the checks."""
    from admin.acts import domain_checks

    with opened(folder) as office:
        here = project_id(office, project)
        domain_checks.follow(office, here, name)
        show_one(domain_checks.standing(office, here, name), as_json)


@domain.command(name="keys")
def domain_keys(
    name: Name,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make new keys; they sign once DNS shows them.")] = False,
    activate: Annotated[bool, typer.Option("--activate", help="Let published keys sign now.")] = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """The DKIM keys of a domain with the records to publish: published, active or retired."""
    from admin.acts import dkim_keys

    with opened(folder) as office:
        owner = project_id(office, project)
        if rotate:
            dkim_keys.rotate(office, owner, name)
        if activate:
            dkim_keys.activate(office, owner, name)
        show(dkim_keys.page(office, owner, name), as_json)


@domain.command(name="reports")
def domain_reports(
    name: Name,
    report: Annotated[int | None, typer.Option("--report", help="The rows of this one.")] = None,
    cursor: Annotated[int, typer.Option("--cursor", help="Behind this report or row.")] = 0,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """What others report about mail from the domain (DMARC) and about TLS with its hosts, the newest first."""
    from admin.acts import pages, reports

    with opened(folder) as office:
        owner, window = project_id(office, project), pages.Window(cursor)
        if report is not None:
            show(reports.rows(office, owner, name, report, window).items, as_json)
        else:
            show(reports.page(office, owner, name, window).items, as_json)


@domain.command(name="list")
def list_domains(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import domains, pages

    with opened(folder) as office:
        found = domains.page(office, project_id(office, project), pages.Window(limit=pages.LONGEST)).items
        plain = [{"name": one.name, "owned": one.owned, "sending": one.sending, "linked": one.linked} for one in found]
        show(plain, as_json)


@sender.command(name="add")
def add_sender(
    address: Address,
    display_name: Annotated[str, typer.Option("--name")] = "",
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    from admin.acts import senders

    with opened(folder) as office:
        show_one(senders.create(office, project_id(office, project), address, display_name), as_json)


@sender.command(name="prove")
def prove_sender(
    address: Address,
    code: Annotated[str | None, typer.Option(help="From the mail; without it a new one is mailed")] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Have a code mailed to the address, then prove it with that code."""
    from admin.acts import sender_codes, senders

    with opened(folder) as office:
        here = project_id(office, project)
        found = senders.by_address(office, here, address).id
        if code is None:
            show_one(sender_codes.send(office, here, found), as_json)
        else:
            show_one(sender_codes.prove(office, here, found, code), as_json)


@sender.command(name="list")
def list_senders(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import pages, senders

    with opened(folder) as office:
        window = pages.Window(limit=pages.LONGEST)
        show(senders.page(office, project_id(office, project), window).items, as_json)


@client_list.command(name="add")
def add_list(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import lists

    with opened(folder) as office:
        show_one(lists.create(office, project_id(office, project), name), as_json)


@client_list.command(name="export")
def export_list(
    name: Name,
    file: Annotated[typer.FileTextWrite, typer.Argument(encoding="utf-8", help="The CSV to write; - for stdout.")],
    project: ProjectName = None,
    folder: Folder = HERE,
) -> None:
    """Everybody on a list with rating, consent and variables, as CSV."""
    from admin.acts import lists
    from admin.cli.counting_bar import counting_bar

    with opened(folder) as office, counting_bar() as bar:
        owner = project_id(office, project)
        found = lists.by_name(office, owner, name)
        task = bar.add_task("export", total=found.clients)
        for part in lists.csv(office, owner, found.id):
            file.write(part)
            bar.update(task, advance=part.count("\n"))


@client_list.command(name="list")
def list_lists(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import lists, pages

    with opened(folder) as office:
        show(lists.page(office, project_id(office, project), pages.Window(limit=pages.LONGEST)).items, as_json)
