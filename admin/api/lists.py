"""/lists of clients."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from admin.acts import lists
from admin.acts.lists import ListView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice

router = APIRouter(tags=["lists"])


class ListRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


@router.post("/lists", status_code=201)
def create_list(body: ListRequest, office: TheOffice, project: InProject) -> ListView:
    return lists.create(office, project, body.name)


@router.get("/lists")
def list_lists(office: TheOffice, project: InProject, window: InWindow) -> Page[ListView]:
    return lists.page(office, project, window)


@router.get("/lists/{list_id}")
def show_list(list_id: int, office: TheOffice, project: InProject) -> ListView:
    return lists.get(office, project, list_id)


@router.get("/lists/{list_id}/clients.csv", response_class=StreamingResponse)
def export_list(list_id: int, office: TheOffice, project: InProject) -> StreamingResponse:
    """Everybody on it, as CSV."""
    return StreamingResponse(lists.csv(office, project, list_id), media_type="text/csv; charset=utf-8")
