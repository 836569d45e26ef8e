"""A project of an appliance with a thing of every noun, made through the API as a person's program would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from peers.appliance import Appliance
from peers.loopback import wait_until

ANSWERS = {"purpose": "receipts of a shop", "volume": "200 a day", "source": "people who bought"}


@dataclass(frozen=True)
class Tenant:
    """A project with its own key, and the ids of what it has."""

    name: str
    domain: str
    key: str
    api: httpx.Client
    list: int
    sender: int
    client: int
    imported: int
    campaign: int
    alias: int
    app_password: int
    connection: int
    segment: int


def made_by(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def tenant(web: Appliance, operator: httpx.Client, name: str) -> Tenant:
    """Everything through the API, as a person's program would."""
    domain = f"{name}.test"
    key = made_by(operator, "/projects", {"name": name, "campaigns_allowed": True})["api_key"]
    api = web.api(key)
    made_by(api, "/domains", {"name": domain})
    states = {"owned": True, "sending": True, "linked": True}
    assert operator.patch(f"/domains/{domain}", params={"project": name}, json=states).is_success
    made_by(api, "/mailboxes", {"address": f"hello@{domain}"})
    app_password = made_by(api, f"/mailboxes/hello@{domain}/app-passwords", {"name": "phone"})["id"]
    alias = made_by(api, "/aliases", {"address": f"info@{domain}", "target": f"hello@{domain}"})["id"]
    sender = made_by(api, "/senders", {"address": f"hello@{domain}", "display_name": name})["id"]
    # Of another sender: while it is under moderation nothing goes from its address.
    made_by(api, "/mailboxes", {"address": f"shop@{domain}"})
    shop = made_by(api, "/senders", {"address": f"shop@{domain}", "display_name": name})["id"]
    connection = made_by(api, "/connections", {"name": "shop", "sender": shop, "answers": ANSWERS})["id"]
    list_id = made_by(api, "/lists", {"name": "readers"})["id"]
    answer = api.post(f"/lists/{list_id}/imports", content=f"address;name\nann@nowhere-{name}.test;Ann\n".encode())
    assert answer.status_code == 202, answer.text
    imported = answer.json()["id"]
    wait_until(lambda: api.get(f"/imports/{imported}").json()["state"] == "finished", "the import is finished", 15)
    client = api.get("/clients", params={"list": list_id}).json()["items"][0]["id"]
    body = {"name": "first", "sender": sender, "list": list_id, "subject": "Hello {{ name }}", "html": "<p>Hello</p>"}
    campaign = made_by(api, "/campaigns", body)["id"]
    segment = made_by(api, "/segments", {"name": "friends", "rule": {"lists": [list_id], "rating_from": 6}})["id"]
    return Tenant(
        name, domain, key, api, list_id, sender, client, imported, campaign, alias, app_password, connection, segment
    )  # fmt: skip
