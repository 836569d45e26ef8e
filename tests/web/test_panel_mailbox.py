"""At the panel a mailbox's password is chosen, and the mailbox removed once its address is typed again."""

from __future__ import annotations

import ssl
from imaplib import IMAP4, IMAP4_SSL

import pytest

from peers.appliance import Appliance
from peers.panel import Browser, project_of
from peers.tenants import Tenant, made_by

CHOSEN = "chosen at the panel 5"


@pytest.fixture
def base(browser: Browser, ours: Tenant) -> str:
    return f"/p/{project_of(browser, ours.name)}"


def signs_in(web: Appliance, address: str, password: str) -> bool:
    trusts = ssl.create_default_context(cafile=web.ready["ca"])
    with IMAP4_SSL("localhost", web.ready["imaps"], ssl_context=trusts, timeout=20) as imap:
        try:
            imap.login(address, password)
        except IMAP4.error:
            return False
    return True


def test_a_chosen_password_signs_in_and_a_short_one_is_refused_at_its_field(
    web: Appliance, ours: Tenant, browser: Browser, base: str
) -> None:
    address = f"chosen@{ours.domain}"
    made_by(ours.api, "/mailboxes", {"address": address})
    browser.get(f"{base}/mailboxes/{address}")
    short = browser.post(f"{base}/mailboxes/{address}/password", {"password": "short"})
    assert short.status_code == 422
    assert 'id="wrong-password"' in short.text
    set_to = browser.post(f"{base}/mailboxes/{address}/password", {"password": CHOSEN})
    assert set_to.status_code == 200
    assert signs_in(web, address, CHOSEN)
    assert not signs_in(web, address, "short")


def test_a_mailbox_goes_only_when_its_address_is_typed_again(ours: Tenant, browser: Browser, base: str) -> None:
    address = f"going@{ours.domain}"
    made_by(ours.api, "/mailboxes", {"address": address})
    browser.get(f"{base}/mailboxes/{address}")
    other = browser.post(f"{base}/mailboxes/{address}/remove", {"again": f"hello@{ours.domain}"})
    assert other.status_code == 422
    assert 'id="wrong-again"' in other.text
    assert address in [one["address"] for one in ours.api.get("/mailboxes").json()["items"]]
    assert browser.post(f"{base}/mailboxes/{address}/remove", {"again": address.upper()}).status_code == 303
    assert address not in [one["address"] for one in ours.api.get("/mailboxes").json()["items"]]
