"""/projects: the operator's."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import projects
from admin.acts.pages import Page
from admin.acts.projects import NewProject, ProjectView
from admin.api.doors import InWindow, Operator, TheOffice

router = APIRouter(tags=["projects"])


class ProjectRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    campaigns_allowed: bool = False


@router.post("/projects", status_code=201)
def create_project(body: ProjectRequest, office: TheOffice, _: Operator) -> NewProject:
    return projects.create(office, body.name, body.campaigns_allowed)


class ProjectChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    campaigns_allowed: bool


@router.patch("/projects/{name}")
def change_project(name: str, body: ProjectChange, office: TheOffice, _: Operator) -> ProjectView:
    return projects.allow_campaigns(office, name, body.campaigns_allowed)


@router.get("/projects")
def list_projects(office: TheOffice, window: InWindow, _: Operator) -> Page[ProjectView]:
    return projects.page(office, window)
