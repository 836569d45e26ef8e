"""As many files go with a campaign or an answer as one place says, whether a key or a person at the panel asks."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx
import pytest

from admin.acts.attachments import FILES, OCTETS
from peers.appliance import Appliance
from peers.panel import operator_at
from peers.tenants import Tenant, made_by

TOO_MANY = f"file: at most {FILES} attachments"
TOO_LARGE = f"file: all attachments together may have {OCTETS >> 20} MB"
SMALL = b"x"
LARGE = bytes(OCTETS // 2 + 1)


def _file(content: bytes) -> dict[str, str]:
    return {"filename": "a.bin", "content_type": "application/octet-stream", "content": b64encode(content).decode()}


def _campaign(ours: Tenant, *files: bytes) -> dict[str, Any]:
    body = {"name": "files", "sender": ours.sender, "list": ours.list, "subject": "x", "html": "<p>x</p>"}
    return body | {"attachments": [_file(one) for one in files]}


@pytest.mark.parametrize(("files", "words"), [([SMALL] * (FILES + 1), TOO_MANY), ([LARGE] * 2, TOO_LARGE)])
def test_a_key_is_told_the_limit_for_a_campaign_and_for_an_answer(ours: Tenant, files: list[bytes], words: str) -> None:
    answer = {"text": "x", "attachments": [_file(one) for one in files]}
    for refused in (
        ours.api.post("/campaigns", json=_campaign(ours, *files)),
        ours.api.post(f"/clients/{ours.client}/conversation", json=answer),
    ):
        assert (refused.status_code, refused.json()["detail"]) == (422, words)


def test_the_panel_says_the_same_at_the_field_of_the_file(web: Appliance, operator: httpx.Client, ours: Tenant) -> None:
    full = made_by(ours.api, "/campaigns", _campaign(ours, *[SMALL] * FILES))["id"]
    heavy = made_by(ours.api, "/campaigns", _campaign(ours, LARGE))["id"]
    project = next(one["id"] for one in operator.get("/projects").json()["items"] if one["name"] == ours.name)
    person = operator_at(web)

    def attach(campaign: int, content: bytes) -> httpx.Response:
        page = f"/p/{project}/campaigns/{campaign}/message"
        person.get(page)
        words = {"subject": "x", "form": "html", "message": "<p>x</p>", "text": ""}
        return person.post(page, words, files={"file": ("b.bin", content, "application/octet-stream")})

    for campaign, content, words in ((full, SMALL, TOO_MANY), (heavy, LARGE, TOO_LARGE)):
        refused = attach(campaign, content)
        assert refused.status_code == 422
        assert words.removeprefix("file: ") in refused.text
    assert attach(heavy, SMALL).status_code == 303
    person.close()
