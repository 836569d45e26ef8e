"""`mailloft domain`: the domains of a project, their records, checks, keys and what others report of them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="Domains of a project.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The domain, such as shop.example.")]


@command(app, "add")
def add_domain(call: Call, name: Name) -> None:
    """Add a domain, with new DKIM keys; the records to publish are shown."""
    from admin.acts import domains

    made = domains.create(call.office, call.project, name)
    if call.as_json:
        call.show_one(made)
    else:
        call.show(made.records)


@command(app, "show")
def show_domain(call: Call, name: Name) -> None:
    """What it may do, and every record with what was found."""
    from admin.acts import domains

    call.show_one(domains.get(call.office, call.project, name))


@command(app, "set")
def set_domain(
    call: Call,
    name: Name,
    owned: Annotated[bool | None, typer.Option(help="It is proved to be the project's.")] = None,
    sending: Annotated[bool | None, typer.Option(help="Mail may be sent from it.")] = None,
    linked: Annotated[bool | None, typer.Option(help="Mail to it comes here.")] = None,
) -> None:
    """Set what the domain may do by hand, as the operator."""
    from admin.acts import domains

    asked = {"owned": owned, "sending": sending, "linked": linked}
    states = {state: value for state, value in asked.items() if value is not None}
    call.show_one(domains.set_states(call.office, call.project, name, states))


@command(app, "check")
def check_domain(call: Call, name: Name) -> None:
    """Ask the name servers now: what each record lacks, how to mend it, and what follows for the domain."""
    from admin.acts import domain_checks, domains
    from admin.finding_lines import finding_lines
    from admin.pages.catalogue import Words
    from net.resolver import Resolver

    dns = call.office.settings.dns
    resolver = Resolver(dns.servers, dns.timeout)
    here = call.project
    found = domain_checks.check(call.office, resolver, here, name)
    if call.as_json:
        call.show_one(found)
        return
    words = Words("en")
    for one in found.findings:
        typer.echo("\n".join(finding_lines(words, one)))
    now = domains.get(call.office, here, name)
    typer.echo(f"owned: {now.owned}, sending: {now.sending}, linked: {now.linked}")


@command(app, "follow")
def follow_checks(call: Call, name: Name) -> None:
    """Give states that were set by hand back to the checks."""
    from admin.acts import domain_checks

    here = call.project
    domain_checks.follow(call.office, here, name)
    call.show_one(domain_checks.standing(call.office, here, name))


@command(app, "keys")
def domain_keys(
    call: Call,
    name: Name,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make new keys; they sign once DNS shows them.")] = False,
    activate: Annotated[bool, typer.Option("--activate", help="Let published keys sign now.")] = False,
) -> None:
    """The DKIM keys of a domain with the records to publish: published, active or retired."""
    from admin.acts import dkim_keys

    owner = call.project
    if rotate:
        dkim_keys.rotate(call.office, owner, name)
    if activate:
        dkim_keys.activate(call.office, owner, name)
    call.show(dkim_keys.page(call.office, owner, name))


@command(app, "reports")
def domain_reports(
    call: Call,
    name: Name,
    report: Annotated[int | None, typer.Option("--report", help="The rows of this one.")] = None,
    cursor: Annotated[int, typer.Option("--cursor", help="Behind this report or row.")] = 0,
) -> None:
    """What others report about mail from the domain (DMARC) and about TLS with its hosts, the newest first."""
    from admin.acts import pages, reports

    owner, window = call.project, pages.Window(cursor)
    if report is not None:
        call.show(reports.rows(call.office, owner, name, report, window).items)
    else:
        call.show(reports.page(call.office, owner, name, window).items)


@command(app, "list")
def list_domains(call: Call) -> None:
    """With what each may do."""
    from admin.acts import domains, pages

    found = pages.every(partial(domains.page, call.office, call.project))
    states = ("name", "owned", "sending", "linked")
    call.show([{state: getattr(one, state) for state in states} for one in found])
