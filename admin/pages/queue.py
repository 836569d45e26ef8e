"""The queue: what waits, by flow, by lane and by row, what an operator does with it, one row with its transcripts."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from admin.acts import journey, lanes, queue
from admin.acts.queue import ACTIONS, Asked
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Operating, Viewer, Visit
from admin.refusals import NotFoundError, RefusedError
from policy.lifecycle import State

_ROWS: Final = 100
_LANES: Final = 100  # sites on one page, the fullest; the search finds the others
_TONES: Final = {lanes.OPEN: "good", lanes.SLOWED: "warn", lanes.RESTS: "bad", lanes.STANDS: "", lanes.UNASKED: "warn"}
STATES: Final = (State.QUEUED.value, State.INFLIGHT.value, State.HELD.value)

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=255)]


@router.get("/p/{project}/queue")
def show(visit: Viewer, site: Text = "", state: Text = "", cursor: Text = "") -> Response:
    return _page(visit, site, state, cursor, Form())


@router.get("/p/{project}/queue/lanes")
def show_lanes(visit: Viewer, site: Text = "") -> Response:
    return _lanes(visit, visit.here, site)


@router.get("/operator/lanes")
def show_all_lanes(visit: Operating, site: Text = "") -> Response:
    return _lanes(visit, None, site)


@router.post("/p/{project}/queue/{action}")
def act(visit: Member, action: str, form: Filled) -> Response:
    """Retry, hold, release or cancel what the filter shows."""
    if action not in ACTIONS:
        raise NotFoundError("there is no such page")
    site, state = form.get("site").strip(), form.get("state")
    asked = Asked(visit.here, site=site or None, state=state or None, everything=True)
    try:
        changed, more = queue.act_at_once(visit.office, action, asked)
    except RefusedError as error:
        return _page(visit, site, state, "", form.failed(error))
    told = "queue_more" if more else "queue_done"
    return visit.done(f"queue.{action}", f"{changed} {site} {state}".strip(), "/queue", told)


@router.get("/p/{project}/queue/rows/{row}")
def show_row(visit: Viewer, row: int) -> Response:
    return visit.page("queue_row.html", {"row": queue.show(visit.office, visit.here, row)})


def _lanes(visit: Visit, project: int | None, site: str) -> Response:
    found = lanes.view(visit.office, project, site.strip() or None, _LANES)
    return visit.page("lanes.html", {"sites": found, "site": site, "tones": _TONES})


def _page(visit: Visit, site: str, state: str, cursor: str, form: Form) -> Response:
    flows = journey.queue(visit.office, visit.here, None, site or None, None)
    asked = Asked(visit.here, site=site or None, state=state or None)
    rows = queue.page(visit.office, asked, cursor or None, _ROWS)
    shown = {"flows": flows[:_ROWS], "rows": rows, "site": site, "state": state, "states": STATES, "actions": ACTIONS}
    return visit.page("queue.html", shown, form)
