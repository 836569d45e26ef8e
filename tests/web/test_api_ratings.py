"""The ledger of ratings replayed through the API: a project its own clients, nothing changed where all is right."""

from __future__ import annotations

from peers.tenants import Tenant, made_by


def test_a_project_replays_its_own_clients_alone(ours: Tenant, theirs: Tenant) -> None:
    client = made_by(ours.api, "/clients", {"address": "replayed@shop.test"})["id"]
    seen = {}
    for name, tenant in (("ours", ours), ("theirs", theirs)):
        answer = tenant.api.post("/ratings/replay", json={"dry_run": name == "theirs"})
        assert answer.is_success, answer.text
        assert (answer.json()["changes"], answer.json()["more"]) == ([], None)
        seen[name] = answer.json()["looked"]
    assert seen["ours"] >= 1
    behind = ours.api.post("/ratings/replay", json={"behind": client}).json()["looked"]
    assert behind < seen["ours"]
    assert theirs.api.post("/ratings/replay", json={"all": True}).status_code == 422
