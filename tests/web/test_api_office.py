"""What the panel's operator and owners do, by the API: people, moderation, ratings, checks, plans, addresses."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from peers.appliance import Appliance
from peers.panel import Browser
from peers.tenants import ANSWERS, Tenant, made_by

OURS = {"project": "ours"}


def signed_in(web: Appliance, login: str, password: str) -> bool:
    """Whether the panel lets somebody in."""
    browser = Browser(web)
    try:
        return browser.sign_in(login, password).status_code == 303
    finally:
        browser.close()


def test_a_person_is_let_in_moved_and_removed(web: Appliance, operator: httpx.Client, ours: Tenant) -> None:
    made = operator.post("/people", params=OURS, json={"login": "eve@ours.test", "role": "member"}).json()
    assert signed_in(web, made["login"], made["password"])
    path = f"/people/{made['id']}"
    moved = operator.patch(path, params=OURS, json={"role": "viewer"}).json()
    assert (moved["login"], moved["role"]) == ("eve@ours.test", "viewer")
    again = operator.post(f"{path}/password", params=OURS).json()
    assert not signed_in(web, made["login"], made["password"])
    assert signed_in(web, again["login"], again["password"])
    assert operator.get(path, params={"project": "theirs"}).status_code in (404, 405)
    assert operator.delete(path, params=OURS).status_code == 204
    assert not signed_in(web, again["login"], again["password"])
    left = operator.get("/people", params=OURS).json()["items"]
    assert made["login"] not in [one["login"] for one in left]


def test_an_operator_is_added_and_the_last_one_stays(web: Appliance, operator: httpx.Client) -> None:
    made = made_by(operator, "/people", {"login": "second@home.test", "role": "operator"})
    assert signed_in(web, made["login"], made["password"])
    assert operator.delete(f"/people/{made['id']}").status_code == 204
    (last,) = [one for one in operator.get("/people").json()["items"] if one["role"] == "operator"]
    answer = operator.delete(f"/people/{last['id']}")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"{last['login']} is the last operator; add another one first",
    )


@pytest.mark.parametrize("question", sorted(ANSWERS))
def test_a_project_answers_every_question_of_a_request(ours: Tenant, question: str) -> None:
    answers = {name: text for name, text in ANSWERS.items() if name != question}
    body: dict[str, Any] = {"name": "shop", "sender": ours.sender, "answers": answers}
    answer = ours.api.post("/connections", json=body)
    assert (answer.status_code, question in answer.json()["detail"]) == (422, True)


def test_the_operator_decides_about_a_request_and_only_then_a_password_is_had(
    ours: Tenant, operator: httpx.Client
) -> None:
    asked = made_by(ours.api, "/connections", {"name": "to decide", "sender": ours.sender, "answers": ANSWERS})["id"]
    assert ours.api.post(f"/connections/{asked}/password").status_code == 409
    waiting = {one["id"]: one for one in operator.get("/moderation").json()}
    assert (waiting[asked]["name"], waiting[asked]["answers"]) == ("to decide", ANSWERS)
    assert operator.post(f"/moderation/{asked}", json={"approved": False}).status_code == 422
    refused = operator.post(f"/moderation/{asked}", json={"approved": False, "reason": "bought addresses"}).json()
    assert (refused["state"], refused["reason"]) == ("rejected", "bought addresses")
    assert operator.post(f"/moderation/{asked}", json={"approved": True}).json()["state"] == "active"
    assert ours.api.get(f"/connections/{asked}").json()["state"] == "active"
    assert len(ours.api.post(f"/connections/{asked}/password").json()["password"]) > 20


def test_a_rating_is_set_by_hand_with_who_did_it(ours: Tenant) -> None:
    client = made_by(ours.api, "/clients", {"address": "rated@ours-clients.test"})["id"]
    life = ours.api.post(f"/clients/{client}/rating", json={"rating": 2}).json()
    assert life["rating"] == 2
    assert [(one["after"], one["words"]) for one in life["rating_history"]][-1] == (2, "by an API key")


def test_a_check_is_made_at_once_and_states_set_by_hand_are_given_back(ours: Tenant, operator: httpx.Client) -> None:
    made_by(ours.api, "/domains", {"name": "checked-ours.test"})
    operator.patch("/domains/checked-ours.test", params=OURS, json={"owned": True})
    assert ours.api.get("/domains/checked-ours.test/check").json()["checked_at"] is None
    found = ours.api.post("/domains/checked-ours.test/check").json()
    assert found["checked_at"] is not None
    assert found["by_hand"] is True
    followed = operator.post("/domains/checked-ours.test/follow", params=OURS).json()
    assert followed["by_hand"] is False


def test_a_plan_lets_campaigns_be_or_not(operator: httpx.Client) -> None:
    name = f"plan {time.monotonic_ns()}"
    made_by(operator, "/projects", {"name": name})
    changed = operator.patch(f"/projects/{name}", json={"campaigns_allowed": True}).json()
    assert changed["campaigns_allowed"] is True
    assert operator.patch("/projects/nobody's", json={"campaigns_allowed": True}).status_code == 404


def test_a_project_sees_the_addresses_of_the_pools_and_the_operator_their_state(
    ours: Tenant, operator: httpx.Client
) -> None:
    pools = ours.api.get("/pools").json()
    ips = operator.get("/ips").json()
    assert [one["address"] for one in ips] == [address for pool in pools for address in pool["addresses"]]
    assert all(one["ehlo"] and one["held"] == [] for one in ips)
