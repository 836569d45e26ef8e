"""Security 21, 26: every page and every form of the panel has an expectation here, for nobody, for each role of its
project and for another project's owner. A route that is added without one fails the first test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest
from fastapi.routing import APIRoute

from admin.pages.panel import PAGES
from peers.appliance import Appliance
from peers.panel import Browser, operator_at, person_at, project_of
from peers.tenants import Tenant

OPEN, ANYONE, VIEWER, MEMBER, OWNER, OPERATOR = range(6)  # who may, at least; ANYONE: who is signed in
RANKS: Final = {"viewer": VIEWER, "member": MEMBER, "owner": OWNER, "operator": OPERATOR}
P: Final = "/p/{project}"
EXPECTED: Final[Mapping[tuple[str, str], int]] = {
    ("GET", "/sign-in"): OPEN, ("POST", "/sign-in"): OPEN,
    ("GET", "/sign-in/code"): ANYONE, ("POST", "/sign-in/code"): ANYONE, ("POST", "/sign-out"): ANYONE,
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/"): ANYONE, ("GET", "/me"): ANYONE, ("POST", "/me/tastes"): ANYONE, ("POST", "/me/password"): ANYONE,
    ("GET", "/me/second-factor"): ANYONE, ("POST", "/me/second-factor"): ANYONE,
    ("POST", "/me/second-factor/remove"): ANYONE, ("POST", "/me/sessions/{session}/end"): ANYONE,
    ("GET", P): VIEWER,
    ("GET", f"{P}/domains"): VIEWER, ("POST", f"{P}/domains"): OWNER, ("GET", f"{P}/domains/{{name}}"): VIEWER,
    ("POST", f"{P}/domains/{{name}}/check"): VIEWER, ("POST", f"{P}/domains/{{name}}/keys"): OWNER,
    ("POST", f"{P}/domains/{{name}}/states"): OPERATOR,
    ("GET", f"{P}/mailboxes"): VIEWER, ("POST", f"{P}/mailboxes"): OWNER, ("GET", f"{P}/mailboxes/{{address}}"): VIEWER,
    ("POST", f"{P}/mailboxes/{{address}}/password"): OWNER,
    ("POST", f"{P}/mailboxes/{{address}}/remove"): OWNER,
    ("POST", f"{P}/mailboxes/{{address}}/app-passwords"): OWNER,
    ("POST", f"{P}/mailboxes/{{address}}/app-passwords/{{password}}/revoke"): OWNER,
    ("GET", f"{P}/aliases"): VIEWER, ("POST", f"{P}/aliases"): OWNER, ("POST", f"{P}/aliases/{{alias}}/remove"): OWNER,
    ("GET", f"{P}/senders"): VIEWER, ("POST", f"{P}/senders"): MEMBER, ("GET", f"{P}/senders/{{sender}}"): VIEWER,
    ("POST", f"{P}/senders/{{sender}}/code"): MEMBER, ("POST", f"{P}/senders/{{sender}}/proof"): MEMBER,
    ("GET", f"{P}/connections"): VIEWER, ("POST", f"{P}/connections"): MEMBER,
    ("GET", f"{P}/connections/{{connection}}"): VIEWER,
    ("POST", f"{P}/connections/{{connection}}/password"): MEMBER,
    ("GET", f"{P}/lists"): VIEWER, ("POST", f"{P}/lists"): MEMBER, ("GET", f"{P}/lists/{{list_id}}"): VIEWER,
    ("GET", f"{P}/lists/{{list_id}}/import"): MEMBER, ("POST", f"{P}/lists/{{list_id}}/import"): MEMBER,
    ("GET", f"{P}/lists/{{list_id}}/clients.csv"): VIEWER,
    ("GET", f"{P}/imports"): VIEWER, ("GET", f"{P}/imports/template.csv"): VIEWER,
    ("GET", f"{P}/imports/{{import_id}}"): VIEWER, ("GET", f"{P}/imports/{{import_id}}/progress"): VIEWER,
    ("GET", f"{P}/imports/{{import_id}}/errors.csv"): VIEWER,
    ("GET", f"{P}/clients"): VIEWER, ("POST", f"{P}/clients"): MEMBER, ("GET", f"{P}/clients/{{client}}"): VIEWER,
    ("POST", f"{P}/clients/{{client}}/rating"): MEMBER,
    ("GET", f"{P}/segments"): VIEWER, ("POST", f"{P}/segments"): MEMBER, ("GET", f"{P}/segments/new"): MEMBER,
    ("GET", f"{P}/segments/{{segment}}"): VIEWER, ("POST", f"{P}/segments/{{segment}}"): MEMBER,
    ("GET", f"{P}/segments/{{segment}}/count"): VIEWER, ("GET", f"{P}/segments/{{segment}}/edit"): MEMBER,
    ("POST", f"{P}/segments/{{segment}}/remove"): MEMBER,
    ("GET", f"{P}/conversations"): VIEWER, ("GET", f"{P}/conversations/{{client}}"): VIEWER,
    ("POST", f"{P}/conversations/{{client}}"): MEMBER,
    ("POST", f"{P}/conversations/{{client}}/done"): MEMBER,
    ("GET", f"{P}/campaigns"): VIEWER, ("GET", f"{P}/campaigns/new"): MEMBER, ("POST", f"{P}/campaigns"): MEMBER,
    ("GET", f"{P}/campaigns/reach"): MEMBER,
    ("GET", f"{P}/campaigns/{{campaign}}"): VIEWER, ("GET", f"{P}/campaigns/{{campaign}}/progress"): VIEWER,
    ("GET", f"{P}/campaigns/{{campaign}}/preview"): VIEWER, ("GET", f"{P}/campaigns/{{campaign}}/gate"): VIEWER,
    ("GET", f"{P}/campaigns/{{campaign}}/recipients"): MEMBER,
    ("POST", f"{P}/campaigns/{{campaign}}/recipients"): MEMBER,
    ("GET", f"{P}/campaigns/{{campaign}}/message"): MEMBER, ("POST", f"{P}/campaigns/{{campaign}}/message"): MEMBER,
    ("GET", f"{P}/campaigns/{{campaign}}/sending"): MEMBER, ("POST", f"{P}/campaigns/{{campaign}}/launch"): MEMBER,
    ("POST", f"{P}/campaigns/{{campaign}}/{{act}}"): MEMBER,
    ("POST", f"{P}/campaigns/{{campaign}}/test"): MEMBER, ("GET", f"{P}/campaigns/{{campaign}}/tests"): VIEWER,
    ("POST", f"{P}/campaigns/{{campaign}}/attachments/{{position}}/remove"): MEMBER,
    ("GET", f"{P}/queue"): VIEWER, ("POST", f"{P}/queue/{{action}}"): MEMBER,
    ("GET", f"{P}/queue/lanes"): VIEWER, ("GET", "/operator/lanes"): OPERATOR,
    ("GET", f"{P}/queue/rows/{{row}}"): VIEWER, ("GET", f"{P}/trace"): VIEWER,
    ("GET", f"{P}/people"): OWNER, ("POST", f"{P}/people"): OWNER, ("POST", f"{P}/people/{{person}}/role"): OWNER,
    ("POST", f"{P}/people/{{person}}/password"): OWNER, ("POST", f"{P}/people/{{person}}/remove"): OWNER,
    ("POST", f"{P}/mailboxes/{{address}}/settings"): OWNER,
    ("POST", f"{P}/mailboxes/{{address}}/correspondents"): OWNER,
    ("POST", f"{P}/mailboxes/{{address}}/correspondents/remove"): OWNER,
    ("GET", f"{P}/keys"): OWNER, ("POST", f"{P}/keys"): OWNER, ("POST", f"{P}/keys/{{key}}/revoke"): OWNER,
    ("GET", "/operator/doctor"): OPERATOR, ("GET", "/operator/overview"): OPERATOR,
    ("GET", f"{P}/audit"): OWNER,
    ("GET", "/operator/projects"): OPERATOR, ("POST", "/operator/projects"): OPERATOR,
    ("GET", "/operator/moderation"): OPERATOR, ("POST", "/operator/moderation/{connection}"): OPERATOR,
    ("GET", "/operator/addresses"): OPERATOR, ("GET", "/operator/audit"): OPERATOR,
    ("GET", "/operator/explain"): OPERATOR,
}  # fmt: skip
GUARDED: Final = sorted(route for route, least in EXPECTED.items() if least >= VIEWER)
# Nothing was sent, so there is no row: the page that says so is an answer too.
MISSING: Final = {f"{P}/queue/rows/{{row}}"}


@pytest.fixture(scope="module")
def people(web: Appliance, ours: Tenant, theirs: Tenant, project: int) -> Iterator[dict[str, Browser]]:
    """Somebody of each role, and `stranger`, who owns another project."""
    at = operator_at(web)
    made = {role: person_at(web, at, project, f"{role}@people.test", role) for role in ("viewer", "member", "owner")}
    made["operator"] = at
    made["stranger"] = person_at(web, at, project_of(at, "theirs"), "stranger@people.test", "owner")
    yield made
    for browser in made.values():
        browser.close()


@pytest.fixture(scope="module")
def project(web: Appliance, ours: Tenant) -> Iterator[int]:
    at = operator_at(web)
    yield project_of(at, "ours")
    at.close()


def path_of(route: str, tenant: Tenant, project: int) -> str:
    values: dict[str, Any] = {
        "project": project, "name": tenant.domain, "sender": tenant.sender,
        "address": f"hello@{tenant.domain}", "list_id": tenant.list,
        "import_id": tenant.imported, "client": tenant.client, "campaign": tenant.campaign, "segment": tenant.segment,
        "alias": tenant.alias,
        "password": tenant.app_password,
        "connection": tenant.api.get("/connections").json()["items"][0]["id"], "row": 1, "person": 1, "session": 1,
        "key": 1, "act": "pause", "action": "hold", "position": 0,
    }  # fmt: skip
    return route.format(**values)


def test_security_21_every_route_of_the_panel_has_an_expectation() -> None:
    routes = [route for page in PAGES for route in page.router.routes]
    found = {(verb, route.path) for route in routes if isinstance(route, APIRoute) for verb in route.methods}
    assert found == set(EXPECTED), found ^ set(EXPECTED)


@pytest.mark.parametrize(("method", "route"), sorted(EXPECTED))
def test_security_21_nobody_is_led_to_the_sign_in(
    method: str, route: str, web: Appliance, ours: Tenant, project: int
) -> None:
    if EXPECTED[method, route] == OPEN:
        return
    browser = Browser(web)
    answer = browser.http.request(method, path_of(route, ours, project))
    browser.close()
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(("method", "route"), GUARDED)
def test_security_21_each_role_does_what_it_may_and_no_more(
    method: str, route: str, people: dict[str, Browser], ours: Tenant, project: int
) -> None:
    """A form is sent without its token, so that what is allowed is refused for that alone, and nothing is done."""
    for role, rank in RANKS.items():
        answer = people[role].http.request(method, path_of(route, ours, project))
        if rank < EXPECTED[method, route]:
            assert answer.status_code in (403, 404), (role, answer.text)
            assert "this form is not of this sign-in" not in answer.text, role
        elif method == "POST":
            assert answer.status_code == 403, (role, answer.text)
            assert "this form is not of this sign-in" in answer.text, role
        elif route not in MISSING:
            assert answer.status_code in (200, 303), (role, answer.text)
            assert answer.headers.get("location") != "/sign-in"


@pytest.mark.parametrize(("method", "route"), GUARDED)
def test_security_26_another_projects_owner_sees_nothing_of_it(
    method: str, route: str, people: dict[str, Browser], ours: Tenant, project: int
) -> None:
    answer = _asked(people["stranger"], method, path_of(route, ours, project))
    assert answer.status_code == 404, answer.text
    assert "ours" not in answer.text


def _asked(browser: Browser, method: str, path: str) -> httpx.Response:
    browser.get("/me")
    return browser.post(path) if method == "POST" else browser.http.get(path)


@pytest.mark.parametrize(("method", "route"), GUARDED)
def test_security_26_ids_of_another_project_lead_nowhere_in_ones_own(
    method: str, route: str, people: dict[str, Browser], ours: Tenant
) -> None:
    """The stranger names their own project and our things."""
    named = {"name", "address", "list_id", "import_id", "client", "campaign", "connection", "sender", "segment"}
    if not route.startswith(P) or not any(f"{{{one}}}" in route for one in named):
        return
    own = int(people["stranger"].get("/").url.path.rpartition("/")[2])
    answer = _asked(people["stranger"], method, path_of(route, ours, own))
    assert answer.status_code in (403, 404), answer.text
    assert f">{ours.domain}<" not in answer.text
