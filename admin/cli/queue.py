"""`mailloft queue`: what waits, by flow, row by row and by age, and an operator's hand on it."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.counting_bar import counting_bar
from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="The queue.", no_args_is_help=True)
Campaign = Annotated[int | None, typer.Option("--campaign", help="Of this campaign alone.")]
Site = Annotated[str | None, typer.Option("--site", "--provider", help="To this site alone: a provider or a domain.")]
Source = Annotated[str | None, typer.Option("--source", help="Whose last attempt left from this address.")]
Address = Annotated[str | None, typer.Option("--address", help="To this address alone.")]
State = Annotated[str | None, typer.Option("--state", help="In this state: queued, inflight, held, or a final one.")]
Rows = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ledger rows.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many rows.")]


@app.command(name="list")
def list_(
    project: ProjectName = None,
    campaign: Campaign = None,
    site: Site = None,
    source: Source = None,
    address: Address = None,
    state: State = None,
    rows: Annotated[bool, typer.Option("--rows", help="Ledger rows, not flows.")] = False,
    limit: Limit = 1000,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Flows with what waits in each, the fullest first; with --rows, --state, --source or --address the rows."""
    from admin.acts import journey, queue

    with opened(folder) as office:
        scope = None if project is None else project_id(office, project)
        if not (rows or source or address or state):
            show(journey.queue(office, scope, campaign, site, None), as_json)
            return
        asked = queue.Asked(scope, campaign, site, source, address, state)
        found: list[queue.RowLine] = []
        cursor: str | None = ""
        while cursor is not None and len(found) < limit:
            page = queue.page(office, asked, cursor, limit - len(found))
            found, cursor = found + page.items, page.next
        show(found, as_json)


@app.command(name="show")
def show_(
    row: Annotated[int, typer.Argument(metavar="ID")],
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """One row: where it stands, what is sent, and every attempt with its transcript."""
    from admin.acts import queue

    with opened(folder) as office:
        found = queue.show(office, None if project is None else project_id(office, project), row)
    show_one(found, as_json)
    for attempt in found.log if not as_json else []:
        if attempt["transcript"]:
            typer.echo(f"\n{attempt['at'].isoformat(timespec='seconds')} {attempt['host']}\n{attempt['transcript']}")


@app.command()
def qshape(
    project: ProjectName = None,
    campaign: Campaign = None,
    site: Site = None,
    source: Source = None,
    state: State = None,
    by: Annotated[str, typer.Option("--by", help="A line for each site, project, campaign, source or state.")] = "site",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Rows by their age, queued ones unless --state says held or inflight; of the 500 fullest flows at most 2,000 rows
    each, 50,000 in all, are counted, and `counted` says how many."""
    from admin.acts import queue

    with opened(folder) as office:
        scope = None if project is None else project_id(office, project)
        show(queue.shape(office, queue.Asked(scope, campaign, site, source, state=state), by), as_json)


def _act(name: str, words: str) -> None:
    """A command that goes over rows, with a bar for people."""

    def command(
        rows: Rows = None,
        project: ProjectName = None,
        campaign: Campaign = None,
        site: Site = None,
        source: Source = None,
        address: Address = None,
        state: State = None,
        everything: Annotated[bool, typer.Option("--all", help="Every row that waits.")] = False,
        folder: Folder = HERE,
        as_json: AsJson = False,
    ) -> None:
        from admin.acts import queue

        with opened(folder) as office:
            scope = None if project is None else project_id(office, project)
            asked = queue.Asked(
                scope, campaign, site, source, address, state, tuple(rows or ()), everything=everything
            )  # fmt: skip
            done = queue.Progress(0, 0, 0)
            with counting_bar() as bar:
                task = bar.add_task(name, total=None)
                for done in queue.act(office, name, asked):
                    bar.update(task, total=done.of, completed=done.looked)
        show_one({"changed": done.changed}, as_json)

    app.command(name=name, help=words)(command)


_act("retry", "Try deferred rows now.")
_act("hold", "Keep rows back until they are released; what a sender already has on the wire is finished.")
_act("release", "Let held rows go on.")
_act("cancel", "End rows that were not sent; they are never sent.")
