"""/domains of a project, with the records to publish; a state is set by the operator alone."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from admin.acts import dkim_keys, domain_checks, domains, reports
from admin.acts.dkim_keys import KeyView
from admin.acts.domain_checks import Standing
from admin.acts.domains import DomainView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, Operator, TheOffice
from store.received_reports import KeptReport, KeptRow

router = APIRouter(tags=["domains"])


class DomainRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class DomainStates(BaseModel):
    model_config = ConfigDict(extra="forbid")
    owned: bool | None = None
    sending: bool | None = None
    linked: bool | None = None


@router.post("/domains", status_code=201)
def create_domain(body: DomainRequest, office: TheOffice, project: InProject) -> DomainView:
    return domains.create(office, project, body.name)


@router.get("/domains")
def list_domains(office: TheOffice, project: InProject, window: InWindow) -> Page[DomainView]:
    return domains.page(office, project, window)


@router.get("/domains/{name}")
def show_domain(name: str, office: TheOffice, project: InProject) -> DomainView:
    return domains.get(office, project, name)


@router.patch("/domains/{name}")
def set_domain_states(name: str, body: DomainStates, office: TheOffice, _: Operator, project: InProject) -> DomainView:
    return domains.set_states(office, project, name, body.model_dump(exclude_none=True))


@router.get("/domains/{name}/check")
def show_check(name: str, office: TheOffice, project: InProject) -> Standing:
    """What the last check found, and when the next one is due."""
    return domain_checks.standing(office, project, name)


@router.post("/domains/{name}/check")
def check_domain(name: str, request: Request, office: TheOffice, project: InProject) -> Standing:
    """Ask the name servers now; it may take their time."""
    return domain_checks.check(office, request.app.state.resolver, project, name)


@router.post("/domains/{name}/follow")
def follow_checks(name: str, office: TheOffice, _: Operator, project: InProject) -> Standing:
    """Give states that were set by hand back to the checks."""
    domain_checks.follow(office, project, name)
    return domain_checks.standing(office, project, name)


@router.get("/domains/{name}/reports")
def list_reports(name: str, office: TheOffice, project: InProject, window: InWindow) -> Page[KeptReport]:
    """DMARC and TLS reports of others about the domain, the newest first."""
    return reports.page(office, project, name, window)


@router.get("/domains/{name}/reports/{report}")
def list_report_rows(name: str, report: int, office: TheOffice, project: InProject, window: InWindow) -> Page[KeptRow]:
    return reports.rows(office, project, name, report, window)


@router.get("/domains/{name}/keys")
def list_keys(name: str, office: TheOffice, project: InProject) -> list[KeyView]:
    return dkim_keys.page(office, project, name)


@router.post("/domains/{name}/keys", status_code=201)
def rotate_keys(name: str, office: TheOffice, project: InProject) -> list[KeyView]:
    """Make new keys; they sign once their records are seen in DNS, and the old ones then retire."""
    return dkim_keys.rotate(office, project, name)


@router.post("/domains/{name}/keys/activate")
def activate_keys(name: str, office: TheOffice, project: InProject) -> list[KeyView]:
    """Let published keys sign now, whatever DNS says."""
    return dkim_keys.activate(office, project, name)
