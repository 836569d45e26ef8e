"""A client's conversation through the API and the command line: answered once, shown, refused by name."""

from __future__ import annotations

import httpx

from peers.appliance import Appliance
from peers.tenants import Tenant, made_by


def test_a_conversation_is_answered_once_and_shown(web: Appliance, ours: Tenant) -> None:
    made_by(ours.api, "/mailboxes", {"address": f"desk@{ours.domain}"})
    client = made_by(ours.api, "/clients", {"address": "talks@nowhere-talks.test"})["id"]
    path = f"/clients/{client}/conversation"
    body = {
        "mailbox": f"desk@{ours.domain}", "subject": "Hello", "html": "<p>Good {{ day }}</p>",
        "cc": ["cc@nowhere-talks.test"],
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": "YQ=="}],
    }  # fmt: skip
    first, again = (ours.api.post(path, json=body, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    other = ours.api.post(path, json={**body, "subject": "x"}, headers={"Idempotency-Key": "one"})
    assert (other.status_code, "Idempotency-Key" in other.json()["detail"]) == (409, True)
    (entry,) = ours.api.get(path).json()["items"]
    assert (entry["direction"], entry["kind"], entry["subject"]) == ("out", "answer", "Hello")
    assert (entry["text"], entry["attachments"], entry["mailbox"]) == (
        "Good {{ day }}", ["a.txt"], f"desk@{ours.domain}",
    )  # fmt: skip
    assert entry["state"] in ("queued", "inflight", "failed")


def test_an_address_whose_smtp_request_is_undecided_answers_nobody(ours: Tenant) -> None:
    """The tenant has asked for a connection of shop@, and nobody has decided."""
    path = f"/clients/{ours.client}/conversation"
    refused = ours.api.post(path, json={"mailbox": f"shop@{ours.domain}", "text": "x"})
    assert (refused.status_code, "under moderation" in refused.json()["detail"]) == (409, True)


def test_what_is_malformed_is_named(ours: Tenant) -> None:
    path = f"/clients/{ours.client}/conversation"

    def told(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["detail"]

    assert told(ours.api.get(path, params={"cursor": "x"}))[0] == 422
    assert told(ours.api.get(path, params={"limit": 1000}))[0] == 422
    assert "name the one to answer from" in told(ours.api.post(path, json={"text": "x"}))[1]
    assert told(ours.api.post(path, json={"text": "x", "mialbox": "x"}))[0] == 422
