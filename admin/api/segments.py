"""/segments of a project: rules that say which clients are meant, with how many they are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import segments
from admin.acts.pages import Page
from admin.acts.segments import SegmentLine, SegmentView
from admin.api.doors import InProject, InWindow, TheOffice
from store.segment_query import Size

router = APIRouter(tags=["clients"])


class SegmentRequest(BaseModel):
    """`rule`: lists, without, rating_from, rating_to, registered_from, registered_to, any_of, variables."""

    model_config = ConfigDict(extra="forbid")
    name: str
    rule: dict[str, Any] = {}


@router.post("/segments", status_code=201)
def create_segment(body: SegmentRequest, office: TheOffice, project: InProject) -> SegmentView:
    return segments.create(office, project, body.name, body.rule)


@router.get("/segments")
def list_segments(office: TheOffice, project: InProject, window: InWindow) -> Page[SegmentLine]:
    return segments.page(office, project, window)


@router.get("/segments/{segment_id}")
def show_segment(segment_id: int, office: TheOffice, project: InProject) -> SegmentView:
    """With about how many clients it has."""
    return segments.get(office, project, segment_id)


@router.get("/segments/{segment_id}/count")
def count_segment(segment_id: int, office: TheOffice, project: InProject) -> Size:
    """Exactly, as of the last minute."""
    return segments.count(office, project, segment_id)


@router.put("/segments/{segment_id}")
def edit_segment(segment_id: int, body: SegmentRequest, office: TheOffice, project: InProject) -> SegmentView:
    return segments.edit(office, project, segment_id, body.name, body.rule)


@router.delete("/segments/{segment_id}", status_code=204)
def remove_segment(segment_id: int, office: TheOffice, project: InProject) -> None:
    segments.remove(office, project, segment_id)
