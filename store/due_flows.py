"""Which flows have something due: what promotion chooses from, never a scan of the ledger.

Read by class, and of campaigns by each that runs, the longest waiting first, because they do not wait for one another:
however many flows of campaigns stand before it, the one of a transactional mail is seen. So a paused or cancelled
campaign is not looked at at all, and nothing has to touch its rows to stop it. `heads` gives the head of each, `behind`
a further page. A flow in the slot flows.UNASKED is in nobody's slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, literal_column, not_, or_, select, union_all

from policy.fairness import CLASSES
from store.among import Among
from store.flows import Flow
from store.prepared import Prepared
from store.schema import OF_CAMPAIGN, OF_NO_CAMPAIGN, OPEN_FLOW, campaigns, flows

LEAST: Final = 20  # flows of a campaign that are looked at, however many campaigns run

_OPEN = (
    select(
        flows.c.id, flows.c.project_id, flows.c.stream, flows.c.stream_id, flows.c.site,
        flows.c["class"].label("retry"), flows.c.pool, flows.c.queued, flows.c.next_due,
    )
    .where(OPEN_FLOW, flows.c.next_due <= bindparam("now"), Among(flows.c.slot, "slots"))
    .where(or_(flows.c.stopped_until.is_(None), flows.c.stopped_until <= bindparam("now")))
    .where(not_(Among(flows.c.pool + " " + flows.c.site, "resting")))
    .order_by(flows.c.next_due, flows.c.id)
    .limit(bindparam("limit"))
)  # fmt: skip
_BEHIND = (
    flows.c.next_due >= bindparam("due"),
    or_(flows.c.next_due > bindparam("due"), flows.c.id > bindparam("flow")),
)
_OF_CLASS = _OPEN.where(OF_NO_CAMPAIGN, flows.c["class"] == bindparam("group"))
_HEADS = Prepared(
    union_all(
        *(
            select(_OPEN.where(OF_NO_CAMPAIGN, flows.c["class"] == literal_column(f"'{name}'")).subquery())
            for name in CLASSES
        )
    )
)  # one statement, since a sender with nothing to do looks ten times a second
_OF_CAMPAIGN = _OPEN.where(OF_CAMPAIGN, flows.c.stream_id == bindparam("group"))
_RUNNING = Prepared(select(campaigns.c.id).where(campaigns.c.state == "running").order_by(campaigns.c.id))


@dataclass(frozen=True, slots=True)
class Page:
    """`group`: a class, or a campaign's id; `last`: nothing stands behind these flows."""

    group: str | int
    flows: list[Flow]
    last: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What every page of one round is read with; `resting`: no flow of a "pool site" that rests."""

    slots: Sequence[int]
    now: datetime
    limit: int
    resting: Sequence[str] = ()


def heads(connection: Connection, look: Look) -> list[Page]:
    """The first flows of each class, and of each campaign that runs; `look.limit` of a class, and of all campaigns."""
    running = [campaign for (campaign,) in _RUNNING.rows(connection)]
    share = max(LEAST, look.limit // max(1, len(running)))
    found = [Flow(*row) for row in _HEADS.rows(connection, **_asked(look, look.limit))]
    classes = [[flow for flow in found if flow.retry == name] for name in CLASSES]
    pages = [Page(name, mine, len(mine) < look.limit) for name, mine in zip(CLASSES, classes, strict=True)]
    return pages + [_page(connection, look, campaign, share) for campaign in running]


def behind(connection: Connection, look: Look, page: Page, after: Flow) -> Page:
    """As many flows as a page has, behind one of them."""
    return _page(connection, look, page.group, max(LEAST, len(page.flows)), after)


def _page(connection: Connection, look: Look, group: str | int, limit: int, after: Flow | None = None) -> Page:
    asked = _asked(look, limit) | {"group": group}
    wanted = _STATEMENTS[isinstance(group, int), after is not None]
    if after is not None:
        asked |= {"due": after.next_due, "flow": after.id}
    found = [Flow(*row) for row in wanted.rows(connection, **asked)]
    return Page(group, found, len(found) < limit)


def _asked(look: Look, limit: int) -> dict[str, Any]:
    return {"now": look.now, "slots": list(look.slots), "limit": limit, "resting": list(look.resting)}


_STATEMENTS: Final = {
    (False, True): Prepared(_OF_CLASS.where(*_BEHIND)),
    (True, False): Prepared(_OF_CAMPAIGN),
    (True, True): Prepared(_OF_CAMPAIGN.where(*_BEHIND)),
}
