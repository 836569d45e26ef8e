"""A mailbox's password is chosen later, and the mailbox removed, through the API."""

from __future__ import annotations

from peers.tenants import Tenant, made_by


def test_a_password_is_chosen_or_made_anew(ours: Tenant) -> None:
    path = f"/mailboxes/hello@{ours.domain}/password"
    assert ours.api.post(path, json={"password": "eight or more"}).json()["password"] == "eight or more"
    made = ours.api.post(path).json()["password"]
    assert made not in ("eight or more", ours.api.post(path, json={}).json()["password"])
    assert ours.api.post(path, json={"password": "short"}).status_code == 422
    assert ours.api.post(path, json={"pass": "a mistake"}).status_code == 422


def test_a_mailbox_is_removed_once_no_alias_leads_to_it(ours: Tenant) -> None:
    address = f"leaving@{ours.domain}"
    made_by(ours.api, "/mailboxes", {"address": address})
    alias = made_by(ours.api, "/aliases", {"address": f"also@{ours.domain}", "target": address})
    refused = ours.api.delete(f"/mailboxes/{address}")
    assert (refused.status_code, f"also@{ours.domain}" in refused.text) == (409, True)
    assert ours.api.delete(f"/aliases/{alias['id']}").status_code == 204
    assert ours.api.delete(f"/mailboxes/{address}").status_code == 204
    assert address not in [one["address"] for one in ours.api.get("/mailboxes").json()["items"]]
    assert ours.api.delete(f"/mailboxes/{address}").status_code == 404
    made_by(ours.api, "/mailboxes", {"address": address})  # the address is free again
