"""/trace: one message followed from acceptance to its end, by row, address or Message-ID (PRODUCT V1)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from admin.acts import journey
from admin.pages.visit import Viewer
from admin.refusals import RefusedError

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/trace")
def show(visit: Viewer, what: Annotated[str, Query(max_length=400)] = "") -> Response:
    events, missed = [], ""
    if what.strip():
        try:
            events = journey.follow(visit.office, visit.here, what)
        except RefusedError as error:
            missed = visit.told(error)
    return visit.page("trace.html", {"what": what, "events": events, "missed": missed})
