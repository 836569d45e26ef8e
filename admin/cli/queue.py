"""`mailloft queue`: what waits, by flow, row by row and by age, and an operator's hand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.calling import Call, command
from admin.cli.counting_bar import counting_bar

if TYPE_CHECKING:
    from admin.acts.lanes import SiteLanes

app = typer.Typer(help="The queue.", no_args_is_help=True)
Campaign = Annotated[int | None, typer.Option("--campaign", help="Of this campaign alone.")]
Site = Annotated[str | None, typer.Option("--site", "--provider", help="To this site alone: a provider or a domain.")]
Source = Annotated[str | None, typer.Option("--source", help="Whose last attempt left from this address.")]
Address = Annotated[str | None, typer.Option("--address", help="To this address alone.")]
State = Annotated[str | None, typer.Option("--state", help="In this state: queued, inflight, held, or a final one.")]
Rows = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ledger rows.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many rows.")]


@command(app, "list")
def list_(
    call: Call,
    campaign: Campaign = None,
    site: Site = None,
    source: Source = None,
    address: Address = None,
    state: State = None,
    rows: Annotated[bool, typer.Option("--rows", help="Ledger rows, not flows.")] = False,
    limit: Limit = 1000,
) -> None:
    """Flows with what waits in each, the fullest first; with --rows, --state, --source or --address the rows."""
    from admin.acts import journey, queue

    scope = call.scope
    if not (rows or source or address or state):
        call.show(journey.queue(call.office, scope, campaign, site, None))
        return
    asked = queue.Asked(scope, campaign, site, source, address, state)
    found: list[queue.RowLine] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < limit:
        page = queue.page(call.office, asked, cursor, limit - len(found))
        found, cursor = found + page.items, page.next
    call.show(found)


@command(app, "show")
def show_(call: Call, row: Annotated[int, typer.Argument(metavar="ID", help="The ledger row.")]) -> None:
    """One row: where it stands, what is sent, and every attempt with its transcript."""
    from admin.acts import queue

    found = queue.show(call.office, call.scope, row)
    call.show_one(found)
    for attempt in found.log if not call.as_json else []:
        if attempt["transcript"]:
            typer.echo(f"\n{attempt['at'].isoformat(timespec='seconds')} {attempt['host']}\n{attempt['transcript']}")


@command(app, "qshape")
def qshape(
    call: Call,
    campaign: Campaign = None,
    site: Site = None,
    source: Source = None,
    state: State = None,
    by: Annotated[str, typer.Option("--by", help="A line for each site, project, campaign, source or state.")] = "site",
) -> None:
    """Rows by their age, queued ones unless --state says held or inflight; of the 500 fullest flows at most 2,000 rows
    each, 50,000 in all, are counted, and `counted` says how many."""
    from admin.acts import queue

    asked = queue.Asked(call.scope, campaign, site, source, state=state)
    call.show(queue.shape(call.office, asked, by))


@command(app, "lanes")
def lanes_(call: Call, site: Site = None) -> None:
    """For each site, class and pool what waits and what is on the wire, and how each of our addresses may go there now:
    open, slowed or resting, why and until when, and the rate that holds. What waits is that of the whole pool, since a
    row takes its address when it goes."""
    from admin.acts import lanes

    found = lanes.view(call.office, call.scope, site)
    call.show(found if call.as_json else [line for one in found for line in _lines(one)])


def _lines(one: SiteLanes) -> list[dict[str, object]]:
    """One for each address; the first tells what waits for all of them."""
    waits = {"queued": one.queued, "held": one.held, "inflight": one.inflight, "next": one.next}
    none = dict.fromkeys(waits)
    return [
        {"site": one.site, "class": one.retry, "pool": one.pool, **(none if at else waits), "source": lane.source,
         "state": one.state if one.state in ("stands", "unasked") else lane.state,
         "rate": lane.rate, "connections": lane.connections, "until": lane.until, "why": lane.why}
        for at, lane in enumerate(one.lanes)
    ]  # fmt: skip


def _act(name: str, words: str) -> None:
    """A command that goes over rows, with a bar for people."""

    @command(app, name, words)
    def act(
        call: Call,
        rows: Rows = None,
        campaign: Campaign = None,
        site: Site = None,
        source: Source = None,
        address: Address = None,
        state: State = None,
        everything: Annotated[bool, typer.Option("--all", help="Every row that waits.")] = False,
    ) -> None:
        from admin.acts import queue

        chosen = tuple(rows or ())
        asked = queue.Asked(call.scope, campaign, site, source, address, state, chosen, everything=everything)
        done = queue.Progress(0, 0, 0)
        with counting_bar() as bar:
            task = bar.add_task(name, total=None)
            for done in queue.act(call.office, name, asked):
                bar.update(task, total=done.of, completed=done.looked)
        call.show_one({"changed": done.changed})


_act("retry", "Try deferred rows now.")
_act("hold", "Keep rows back until they are released; what a sender already has on the wire is finished.")
_act("release", "Let held rows go on.")
_act("cancel", "End rows that were not sent; they are never sent.")
