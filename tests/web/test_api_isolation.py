"""Security 21, 26: every route of the API has an expectation here, for nobody, for another project and for a project
where the operator is asked. A route that is added without one fails the first test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from peers.appliance import Appliance
from peers.tenants import ANSWERS, Tenant

OPERATOR_ONLY = 403
NOT_FOUND = 404
OWN_ONLY = 200  # a collection: another project's key sees its own things alone
OPEN = 0  # for everyone
EXPLAINED = 1  # what holds for an address is no project's; what is known of it as a client is


@dataclass(frozen=True)
class Expected:
    """What another project's key gets on our thing; `body` makes the request valid."""

    status: int
    body: Any = None


CSV = b"address\nmallory@evil.test\n"
LAUNCH: dict[str, Any] = {}
EXPECTED: dict[tuple[str, str], Expected] = {
    ("GET", "/health"): Expected(OPEN),
    ("GET", "/projects"): Expected(OPERATOR_ONLY),
    ("POST", "/projects"): Expected(OPERATOR_ONLY, {"name": "mine", "campaigns_allowed": True}),
    ("PATCH", "/projects/{name}"): Expected(OPERATOR_ONLY, {"campaigns_allowed": True}),
    ("GET", "/people"): Expected(OPERATOR_ONLY),
    ("POST", "/people"): Expected(OPERATOR_ONLY, {"login": "spy@spy.test", "role": "owner"}),
    ("PATCH", "/people/{person_id}"): Expected(OPERATOR_ONLY, {"role": "owner"}),
    ("POST", "/people/{person_id}/password"): Expected(OPERATOR_ONLY),
    ("DELETE", "/people/{person_id}"): Expected(OPERATOR_ONLY),
    ("GET", "/ips"): Expected(OPERATOR_ONLY),
    ("GET", "/pools"): Expected(OWN_ONLY),
    ("GET", "/moderation"): Expected(OPERATOR_ONLY),
    ("POST", "/moderation/{connection_id}"): Expected(OPERATOR_ONLY, {"approved": True}),
    ("GET", "/keys"): Expected(OWN_ONLY),
    ("POST", "/keys"): Expected(OWN_ONLY, {"name": "of theirs"}),
    ("DELETE", "/keys/{key_id}"): Expected(NOT_FOUND),
    ("GET", "/domains"): Expected(OWN_ONLY),
    ("POST", "/domains"): Expected(409, {"name": "{domain}"}),
    ("GET", "/domains/{name}"): Expected(NOT_FOUND),
    ("PATCH", "/domains/{name}"): Expected(OPERATOR_ONLY, {"sending": True}),
    ("GET", "/domains/{name}/check"): Expected(NOT_FOUND),
    ("POST", "/domains/{name}/check"): Expected(NOT_FOUND),
    ("POST", "/domains/{name}/follow"): Expected(OPERATOR_ONLY),
    ("GET", "/domains/{name}/keys"): Expected(NOT_FOUND),
    ("POST", "/domains/{name}/keys"): Expected(NOT_FOUND),
    ("POST", "/domains/{name}/keys/activate"): Expected(NOT_FOUND),
    ("GET", "/domains/{name}/reports"): Expected(NOT_FOUND),
    ("GET", "/domains/{name}/reports/{report}"): Expected(NOT_FOUND),
    ("GET", "/mailboxes"): Expected(OWN_ONLY),
    ("POST", "/mailboxes"): Expected(409, {"address": "spy@{domain}"}),
    ("PATCH", "/mailboxes/{address}"): Expected(NOT_FOUND, {"adds_writers": True}),
    ("DELETE", "/mailboxes/{address}"): Expected(NOT_FOUND),
    ("POST", "/mailboxes/{address}/password"): Expected(NOT_FOUND, {"password": "of a stranger"}),
    ("GET", "/mailboxes/{address}/app-passwords"): Expected(NOT_FOUND),
    ("POST", "/mailboxes/{address}/app-passwords"): Expected(NOT_FOUND, {"name": "phone"}),
    ("DELETE", "/mailboxes/{address}/app-passwords/{password_id}"): Expected(NOT_FOUND),
    ("PUT", "/mailboxes/{address}/hidden-capabilities"): Expected(NOT_FOUND, {"names": ["IDLE"]}),
    ("POST", "/ratings/replay"): Expected(OWN_ONLY, {"dry_run": True}),
    ("GET", "/mailboxes/{address}/correspondents"): Expected(NOT_FOUND),
    ("PUT", "/mailboxes/{address}/correspondents/{entry}"): Expected(NOT_FOUND, {"standing": "allow"}),
    ("DELETE", "/mailboxes/{address}/correspondents/{entry}"): Expected(NOT_FOUND),
    ("GET", "/aliases"): Expected(OWN_ONLY),
    ("POST", "/aliases"): Expected(409, {"address": "info@{domain}", "target": "spy@spy.test"}),
    ("DELETE", "/aliases/{alias_id}"): Expected(NOT_FOUND),
    ("GET", "/senders"): Expected(OWN_ONLY),
    ("POST", "/senders"): Expected(409, {"address": "hello@{domain}", "display_name": "x"}),
    ("POST", "/senders/{sender_id}/code"): Expected(NOT_FOUND),
    ("POST", "/senders/{sender_id}/proof"): Expected(NOT_FOUND, {"code": "123456"}),
    ("GET", "/connections"): Expected(OWN_ONLY),
    ("POST", "/connections"): Expected(NOT_FOUND, {"name": "spy", "sender": "{sender}", "answers": ANSWERS}),
    ("GET", "/connections/{connection_id}"): Expected(NOT_FOUND),
    ("POST", "/connections/{connection_id}/password"): Expected(NOT_FOUND),
    ("GET", "/lists"): Expected(OWN_ONLY),
    ("POST", "/lists"): Expected(OWN_ONLY, {"name": "a list of theirs"}),
    ("GET", "/lists/{list_id}"): Expected(NOT_FOUND),
    ("POST", "/lists/{list_id}/imports"): Expected(NOT_FOUND, CSV),
    ("GET", "/lists/{list_id}/clients.csv"): Expected(NOT_FOUND),
    ("GET", "/imports"): Expected(OWN_ONLY),
    ("GET", "/imports/{import_id}"): Expected(NOT_FOUND),
    ("GET", "/imports/{import_id}/errors"): Expected(NOT_FOUND),
    ("GET", "/clients"): Expected(OWN_ONLY),
    ("POST", "/clients"): Expected(NOT_FOUND, {"address": "spy@spy.test", "lists": ["{list}"]}),
    ("GET", "/clients/{client_id}"): Expected(NOT_FOUND),
    ("POST", "/clients/{client_id}/rating"): Expected(NOT_FOUND, {"rating": 1}),
    ("GET", "/clients/{client_id}/conversation"): Expected(NOT_FOUND),
    ("POST", "/clients/{client_id}/conversation"): Expected(NOT_FOUND, {"text": "x", "mailbox": "hello@{domain}"}),
    ("GET", "/segments"): Expected(OWN_ONLY),
    ("POST", "/segments"): Expected(NOT_FOUND, {"name": "spying", "rule": {"lists": ["{list}"]}}),
    ("GET", "/segments/{segment_id}"): Expected(NOT_FOUND),
    ("GET", "/segments/{segment_id}/count"): Expected(NOT_FOUND),
    ("PUT", "/segments/{segment_id}"): Expected(NOT_FOUND, {"name": "spying"}),
    ("DELETE", "/segments/{segment_id}"): Expected(NOT_FOUND),
    ("GET", "/conversations"): Expected(OWN_ONLY),
    ("POST", "/clients/{client_id}/conversation/done"): Expected(NOT_FOUND, {"entry": "in-1"}),
    ("GET", "/campaigns"): Expected(OWN_ONLY),
    ("POST", "/campaigns"): Expected(
        NOT_FOUND, {"name": "x", "sender": "{sender}", "list": "{list}", "subject": "x", "html": "x"}
    ),
    ("GET", "/campaigns/{campaign_id}"): Expected(NOT_FOUND),
    ("PUT", "/campaigns/{campaign_id}"): Expected(
        NOT_FOUND, {"name": "x", "sender": "{sender}", "list": "{list}", "subject": "x", "html": "x"}
    ),
    ("GET", "/campaigns/{campaign_id}/preview"): Expected(NOT_FOUND),
    ("POST", "/campaigns/{campaign_id}/test"): Expected(NOT_FOUND, {"to": "hello@{domain}"}),
    ("GET", "/campaigns/{campaign_id}/tests"): Expected(NOT_FOUND),
    ("GET", "/campaigns/{campaign_id}/gate"): Expected(NOT_FOUND),
    ("POST", "/campaigns/{campaign_id}/launch"): Expected(NOT_FOUND, LAUNCH),
    ("POST", "/campaigns/{campaign_id}/pause"): Expected(NOT_FOUND),
    ("POST", "/campaigns/{campaign_id}/resume"): Expected(NOT_FOUND),
    ("POST", "/campaigns/{campaign_id}/cancel"): Expected(NOT_FOUND),
    ("GET", "/campaigns/{campaign_id}/report"): Expected(NOT_FOUND),
    ("GET", "/campaigns/{campaign_id}/recipients"): Expected(NOT_FOUND),
    ("GET", "/trace/{what}"): Expected(NOT_FOUND),
    ("GET", "/queue"): Expected(OWN_ONLY),
    ("GET", "/queue/rows"): Expected(OWN_ONLY),
    ("GET", "/queue/rows/{row_id}"): Expected(NOT_FOUND),
    ("GET", "/queue/shape"): Expected(OWN_ONLY),
    ("GET", "/queue/lanes"): Expected(OWN_ONLY),
    ("POST", "/queue/{action}"): Expected(OWN_ONLY, {"all": True}),
    ("GET", "/explain/{what}"): Expected(EXPLAINED),
    ("GET", "/doctor"): Expected(OPERATOR_ONLY),
}
ROUTES = sorted(EXPECTED)


def path_of(route: str, tenant: Tenant) -> str:
    return route.format(
        name=tenant.domain,
        list_id=tenant.list,
        sender_id=tenant.sender,
        import_id=tenant.imported,
        client_id=tenant.client,
        segment_id=tenant.segment,
        campaign_id=tenant.campaign,
        what=f"ann@nowhere-{tenant.name}.test",
        row_id=1,
        key_id=1,
        report=1,
        alias_id=tenant.alias,
        address=f"hello@{tenant.domain}",
        password_id=tenant.app_password,
        connection_id=tenant.connection,
        person_id=1,
        entry="spy.test",
        action="hold",
    )


def filled(body: Any, tenant: Tenant) -> Any:
    """The body with our ids in it."""
    named = {"{domain}": tenant.domain, "{sender}": tenant.sender, "{list}": tenant.list}
    if isinstance(body, dict):
        return {name: filled(value, tenant) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, tenant) for value in body]
    if isinstance(body, str):
        return named.get(body, body.replace("{domain}", tenant.domain))
    return body


def call(api: httpx.Client, method: str, route: str, tenant: Tenant) -> httpx.Response:
    body = filled(EXPECTED[method, route].body, tenant)
    if isinstance(body, bytes):
        return api.request(method, path_of(route, tenant), content=body)
    return (
        api.request(method, path_of(route, tenant), json=body)
        if body is not None
        else api.request(method, path_of(route, tenant))
    )


def test_security_21_every_route_of_the_api_has_an_expectation(operator: httpx.Client) -> None:
    described = operator.get("/openapi.json").json()["paths"]
    routes = {(verb.upper(), path.removeprefix("/api/v1")) for path, verbs in described.items() for verb in verbs}
    assert routes == set(EXPECTED)


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_security_21_without_a_key_or_with_a_wrong_one_nothing_is_done(
    method: str, route: str, web: Appliance, ours: Tenant
) -> None:
    wanted = 200 if EXPECTED[method, route].status == OPEN else 401
    for credentials in ("", "Bearer wrong", "Basic b3BlcmF0b3I6d3Jvbmc=", f"Basic {ours.key}"):
        with web.api() as api:
            api.headers["Authorization"] = credentials
            answer = call(api, method, route, ours)
        assert answer.status_code == wanted, (credentials, answer.text)
        if wanted == 401:
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_security_26_another_projects_key_sees_and_does_nothing_of_ours(
    method: str, route: str, ours: Tenant, theirs: Tenant
) -> None:
    expected = EXPECTED[method, route].status
    answer = call(theirs.api, method, route, ours)
    if expected in (OWN_ONLY, OPEN):
        assert answer.is_success, answer.text
        assert "ours" not in answer.text
    elif expected == EXPLAINED:
        assert (answer.json()["clients"], answer.json()["breakers"]) == ([], [])
        assert call(ours.api, method, route, ours).json()["clients"][0]["project"] == "ours"
    else:
        assert answer.status_code == expected, answer.text


def test_security_26_a_projects_key_names_no_other_project(ours: Tenant, theirs: Tenant) -> None:
    assert theirs.api.get("/clients", params={"project": "ours"}).status_code == 403
    assert theirs.api.get("/clients", params={"project": "no such"}).status_code == 403
    assert theirs.api.get("/clients", params={"project": "theirs"}).status_code == 200


def test_the_operator_names_the_project_and_is_told_so(operator: httpx.Client, ours: Tenant) -> None:
    unnamed = operator.get("/clients")
    assert unnamed.status_code == 422
    assert "?project=NAME" in unnamed.json()["detail"]
    named = operator.get("/clients", params={"project": "ours"}).json()["items"]
    assert ours.client in [client["id"] for client in named]


def test_the_operators_login_and_password_open_the_same_doors(web: Appliance) -> None:
    operator = web.ready["operator"]
    with web.api() as api:
        del api.headers["Authorization"]
        assert api.get("/projects", auth=(operator["login"], operator["password"])).status_code == 200
        assert api.get("/projects", auth=("nobody", operator["password"])).status_code == 401
