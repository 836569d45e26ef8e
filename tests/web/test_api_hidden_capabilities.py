"""A capability is hidden from one mailbox through the API, and shown again."""

from __future__ import annotations

from peers.tenants import Tenant


def test_capabilities_are_hidden_listed_and_shown_again(ours: Tenant) -> None:
    path = f"/mailboxes/hello@{ours.domain}/hidden-capabilities"
    assert ours.api.put(path, json={"names": ["qresync", "COMPRESS=DEFLATE"]}).status_code == 204
    (mine,) = [one for one in ours.api.get("/mailboxes").json()["items"] if one["address"].startswith("hello@")]
    assert mine["hidden_capabilities"] == ["COMPRESS=DEFLATE", "QRESYNC"]
    assert ours.api.put(path, json={"names": []}).status_code == 204
    for wrong in ("IMAP4rev1", "a b", "", "x" * 61):
        assert ours.api.put(path, json={"names": [wrong]}).status_code == 422
    assert ours.api.put(f"/mailboxes/nobody@{ours.domain}/hidden-capabilities", json={"names": []}).status_code == 404
