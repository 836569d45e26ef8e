"""/queue: what waits by flow, row by row and by age, and an operator's hand on it; a project sees and moves its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from admin.acts import journey, lanes, queue
from admin.acts.journey import FlowView
from admin.acts.lanes import SiteLanes
from admin.acts.pages import window
from admin.acts.queue import Asked, RowPage, RowView
from admin.api.doors import Scope, TheOffice
from store.queue_shape import Ages

router = APIRouter(tags=["queue"])
_MOST = 10_000  # ids of one request


class ActionRequest(BaseModel):
    """Filters meet; `all` says that none is meant."""

    model_config = ConfigDict(extra="forbid")
    rows: list[int] = Field(default=[], max_length=_MOST)
    campaign: int | None = None
    site: str | None = None
    source: str | None = None
    address: str | None = None
    state: str | None = None
    all: bool = False


@dataclass(frozen=True, slots=True)
class Acted:
    """`more`: as much was done as one request may; ask again for the rest."""

    changed: int
    more: bool


@router.get("/queue")
def list_flows(
    office: TheOffice, scope: Scope, campaign: int | None = None, site: str | None = None, state: str | None = None
) -> dict[str, list[FlowView]]:
    """Flows with what waits in them, the fullest first."""
    return {"flows": journey.queue(office, scope, campaign, site, state)}


@router.get("/queue/rows")
def list_rows(
    office: TheOffice,
    scope: Scope,
    campaign: int | None = None,
    site: str | None = None,
    source: str | None = None,
    address: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> RowPage:
    """Ledger rows; without a state those that wait. `next` may follow a page that is not full."""
    asked = Asked(scope, campaign, site, source, address, state)
    return queue.page(office, asked, cursor, window(None, limit).limit)


@router.get("/queue/rows/{row_id}")
def show_row(row_id: int, office: TheOffice, scope: Scope) -> RowView:
    """One row with its recipe and every attempt."""
    return queue.show(office, scope, row_id)


@router.get("/queue/shape")
def shape(
    office: TheOffice,
    scope: Scope,
    campaign: int | None = None,
    site: str | None = None,
    source: str | None = None,
    state: str | None = None,
    by: str = "site",
) -> dict[str, list[Ages]]:
    """Rows by age, grouped by site, project, campaign, source or state; queued ones unless a state is named."""
    return {"groups": queue.shape(office, Asked(scope, campaign, site, source, state=state), by)}


@router.get("/queue/lanes")
def list_lanes(office: TheOffice, scope: Scope, site: str | None = None) -> dict[str, list[SiteLanes]]:
    """By site, class and pool, the fullest first: what waits, what is on the wire, how each address may go now."""
    return {"sites": lanes.view(office, scope, site)}


@router.post("/queue/{action}")
def change_queue(
    action: Literal["retry", "hold", "release", "cancel"], body: ActionRequest, office: TheOffice, scope: Scope
) -> Acted:
    """Retry now, hold, release or cancel what the filters choose, at most 10,000 rows a request."""
    asked = Asked(
        scope, body.campaign, body.site, body.source, body.address, body.state, tuple(body.rows), everything=body.all
    )
    return Acted(*queue.act_at_once(office, action, asked))
