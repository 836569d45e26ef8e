"""/people: who signs in to the panel, by the operator's key; of a project with ?project=NAME, else the operators."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import people
from admin.acts.pages import Page
from admin.acts.people import NewPerson, PersonView
from admin.api.doors import InProject, InWindow, Operator, Scope, TheOffice

router = APIRouter(tags=["people"])


class PersonRequest(BaseModel):
    """`login` is the person's address."""

    model_config = ConfigDict(extra="forbid")
    login: str
    role: str


class RoleRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    role: str


@router.post("/people", status_code=201)
def create_person(body: PersonRequest, office: TheOffice, _: Operator, scope: Scope) -> NewPerson:
    return people.create(office, scope, body.login, body.role)


@router.get("/people")
def list_people(office: TheOffice, _: Operator, scope: Scope, window: InWindow) -> Page[PersonView]:
    return people.page(office, scope, window)


@router.patch("/people/{person_id}")
def set_role(person_id: int, body: RoleRequest, office: TheOffice, _: Operator, project: InProject) -> PersonView:
    return people.set_role(office, project, person_id, body.role, None)


@router.post("/people/{person_id}/password")
def new_password(person_id: int, office: TheOffice, _: Operator, scope: Scope) -> NewPerson:
    """A generated one, shown once; the second factor is taken away and all sessions end."""
    return people.new_password(office, scope, person_id)


@router.delete("/people/{person_id}", status_code=204)
def remove_person(person_id: int, office: TheOffice, _: Operator, scope: Scope) -> None:
    people.remove(office, scope, person_id, None)
