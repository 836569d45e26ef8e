"""The queue through the API: seen, held, released, tried again and cancelled by its own project, and by nobody else."""

from __future__ import annotations

from typing import Any

import httpx

from peers.loopback import wait_until
from peers.tenants import Tenant, made_by


def launched(tenant: Tenant, name: str) -> int:
    """A campaign to two clients; nobody answers for their domain, so their rows wait."""
    audience = made_by(tenant.api, "/lists", {"name": name})["id"]
    for number in range(2):
        made_by(tenant.api, "/clients", {"address": f"c{number}@{name}.test", "lists": [audience]})
    body = {"name": name, "sender": tenant.sender, "list": audience, "subject": "x", "html": "<p>x</p>"}
    campaign = int(made_by(tenant.api, "/campaigns", body)["id"])
    assert tenant.api.post(f"/campaigns/{campaign}/launch").is_success

    def deferred() -> int:
        return sum(row["attempts"] > 0 for row in rows(tenant.api, campaign=campaign, state="queued"))

    wait_until(lambda: deferred() == 2, "both rows are deferred", 30)
    return campaign


def rows(api: httpx.Client, **filters: Any) -> list[dict[str, Any]]:
    answer = api.get("/queue/rows", params=filters)
    assert answer.is_success, answer.text
    return list(answer.json()["items"])


def act(api: httpx.Client, action: str, **body: Any) -> int:
    answer = api.post(f"/queue/{action}", json=body)
    assert answer.is_success, answer.text
    assert answer.json()["more"] is False
    return int(answer.json()["changed"])


def test_a_projects_rows_are_held_released_tried_again_and_cancelled(ours: Tenant, theirs: Tenant) -> None:
    campaign = launched(ours, "held-letters")
    (one, other) = rows(ours.api, campaign=campaign)
    assert act(theirs.api, "hold", all=True) == 0
    assert act(theirs.api, "cancel", rows=[one["id"], other["id"]]) == 0
    assert rows(theirs.api, campaign=campaign) == []
    assert theirs.api.get(f"/queue/rows/{one['id']}").status_code == 404
    assert act(ours.api, "hold", campaign=campaign) == 2
    assert act(ours.api, "hold", campaign=campaign) == 0
    flows = ours.api.get("/queue", params={"campaign": campaign}).json()["flows"]
    assert [(flow["queued"], flow["held"]) for flow in flows] == [(0, 2)]
    assert ours.api.get(f"/campaigns/{campaign}").json()["counts"]["held"] == 2
    assert act(ours.api, "release", address=one["address"]) == 1
    tried = ours.api.get(f"/queue/rows/{one['id']}").json()["attempts"]
    act(ours.api, "retry", rows=[one["id"]])
    wait_until(lambda: ours.api.get(f"/queue/rows/{one['id']}").json()["attempts"] > tried, "it is tried again", 20)
    shown = ours.api.get(f"/queue/rows/{one['id']}").json()
    assert len(shown["log"]) >= 1
    assert shown["recipe"]["campaign"] == campaign
    assert act(ours.api, "cancel", campaign=campaign) == 2
    wait_until(lambda: len(rows(ours.api, campaign=campaign, state="cancelled")) == 2, "both are cancelled", 10)
    counts = ours.api.get(f"/campaigns/{campaign}").json()["counts"]
    assert (counts["cancelled"], sum(counts.values())) == (2, 2)


def test_an_action_without_a_filter_must_say_that_it_means_all(ours: Tenant) -> None:
    answer = ours.api.post("/queue/cancel", json={})
    assert answer.status_code == 422
    assert "cancel what?" in answer.json()["detail"]
    assert ours.api.post("/queue/explode", json={"all": True}).status_code == 422
    assert ours.api.post("/queue/hold", json={"state": "asleep"}).status_code == 422
    assert ours.api.get("/queue/rows", params={"state": "delivered"}).status_code == 422


def test_the_shape_shows_each_site_with_its_ages(ours: Tenant, theirs: Tenant) -> None:
    campaign = launched(ours, "shaped-letters")
    (site,) = ours.api.get("/queue/shape", params={"campaign": campaign}).json()["groups"]
    assert (site["name"], site["queued"], site["counted"], site["minutes_5"]) == ("shaped-letters.test", 2, 2, 2)
    assert theirs.api.get("/queue/shape", params={"campaign": campaign}).json()["groups"] == []
    act(ours.api, "cancel", campaign=campaign)
