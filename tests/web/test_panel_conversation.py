"""A conversation in a real browser: what a hostile client writes is only read, and an answer arrives at his host.

The appliance, its queue, MX and IMAP are real; the client's host is the lab's, with books of what it took.
"""

from __future__ import annotations

import imaplib
import os
import smtplib
import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, sync_playwright

from lab.books import Taken, entries
from lab.description import Host, Temper, World
from lab.world import RunningWorld
from peers import need
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.panel import operator_at
from peers.tenants import made_by

CARL: Final = "carl@far.test"
PICTURES: Final = os.environ.get("MAILLOFT_SCREENSHOTS", "")
WORLD: Final = World(1, (Host("mx.far.test", "127.0.7.31", ("far.test",), Temper(everyone=True)),), ())
HOSTILE: Final = f"""From: "<script>document.title='run'</script>" <{CARL}>
To: hello@ours.test
Subject: <img src=x onerror="document.title='run'"> & more
Message-ID: <1@far.test>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<p>Is it <b>blue</b>?</p><script>document.title='run'</script><img src="https://tracker.test/x.png">
<p>&lt;svg onload=alert(1)&gt;</p>
""".replace("\n", "\r\n")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorld]:
    with RunningWorld(WORLD, tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(scope="module")
def shop(world: RunningWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    settings = f'[dns]\nservers = ["{world.dns}"]\n[outbound]\nport = {world.port}\n'
    made = Appliance(tmp_path_factory.mktemp("shop"), settings)
    made.start()
    yield made
    made.stop()


def test_what_a_client_writes_is_only_read_and_the_answer_arrives_at_his_host_and_in_sent(
    world: RunningWorld, shop: Appliance
) -> None:
    password = _furnished(shop)
    with smtplib.SMTP("127.0.0.1", shop.ready["mx"], "mx.far.test", source_address=(WORLD.hosts[0].address, 0)) as mx:
        mx.sendmail(CARL, ["hello@ours.test"], HOSTILE.encode())
    at = operator_at(shop)
    wait_until(lambda: CARL in at.get("/p/1/conversations").text, "the mail is in the list", 30)
    _answered_in_browser(shop)
    wait_until(lambda: _took(world.books), "the answer is at the client's host", 40)
    assert _sent_over_imap(shop, password) == (CARL, "Re: <img src=x onerror=\"document.title='run'\"> & more")
    trail = at.get("/p/1/audit").text
    assert "answer sent" in trail
    at.close()


def _furnished(shop: Appliance) -> str:
    """The password of hello@ours.test, which Carl is to write to."""
    with shop.api() as operator:
        key = made_by(operator, "/projects", {"name": "ours", "campaigns_allowed": True})["api_key"]
        with shop.api(key) as api:
            made_by(api, "/domains", {"name": "ours.test"})
            states = {"owned": True, "sending": True, "linked": True}
            assert operator.patch("/domains/ours.test", params={"project": "ours"}, json=states).is_success
            password: str = made_by(api, "/mailboxes", {"address": "hello@ours.test"})["password"]
            made_by(api, "/clients", {"address": CARL})
            return password


def _answered_in_browser(shop: Appliance) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=need.program("chromium", "chromium"), args=["--no-sandbox"]
        )
        context = chromium.new_context(base_url=shop.ready["admin"], ignore_https_errors=True, locale="en-GB")
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto("/sign-in")
        page.get_by_label("Login").fill(shop.ready["operator"]["login"])
        page.get_by_label("Password").fill(shop.ready["operator"]["password"])
        page.get_by_role("button", name="Sign in").click()
        _answer(page)
        assert all(one.startswith(shop.ready["admin"]) for one in asked)
        chromium.close()


def _answer(page: Page) -> None:
    page.goto("/p/1/conversations")
    assert page.locator(".talks .mark").first.inner_text() == "new"
    page.get_by_role("link", name=CARL).click()
    words = page.locator(".talk .words").first.inner_text()
    assert "Is it blue?" in words
    assert "<svg onload=alert(1)>" in words
    assert page.locator(".talk script, .talk img, .talk svg").count() == 0
    page.get_by_label("Text").fill("Yes, it is.")
    page.get_by_role("button", name="Send").click()
    page.locator(".note.good").wait_for()
    assert page.locator(".talk .out .words").first.inner_text() == "Yes, it is."
    assert page.title() == f"{CARL} · Mailloft"
    _picture(page, "conversation-answered")
    page.get_by_role("link", name="Client's card").click()
    _picture(page, "client-with-conversation")
    page.goto("/p/1/conversations")
    _picture(page, "conversations-answered")
    assert page.locator(".talks .mark").first.inner_text() == "answered"


def _picture(page: Page, name: str) -> None:
    for width in (360, 1440) if PICTURES else ():
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)


def _took(books: Path) -> bool:
    return any(isinstance(one, Taken) and one.recipient == CARL for one in entries(books))


def _sent_over_imap(shop: Appliance, password: str) -> tuple[str, str]:
    trusts = ssl.create_default_context(cafile=shop.ready["ca"])
    with imaplib.IMAP4_SSL("127.0.0.1", shop.ready["imaps"], ssl_context=trusts) as imap:
        imap.login("hello@ours.test", password)
        imap.select("Sent", readonly=True)
        _, parts = imap.fetch("1", "(BODY.PEEK[])")
        assert isinstance(parts[0], tuple)
        message = message_from_bytes(parts[0][1], policy=policy.default)
    return str(message["To"]), str(message["Subject"])
