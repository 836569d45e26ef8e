"""The operator begins where it is told what needs attention: requests that wait, domains that cannot send, findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.panel import Browser, operator_at
from peers.tenants import Tenant, made_by
from store import breakers
from store.stores import open_stores

PAGE = "/operator/overview"


@pytest.fixture
def browser(web: Appliance) -> Iterator[Browser]:
    made = operator_at(web)
    yield made
    made.close()


def test_the_operator_begins_at_what_needs_attention(browser: Browser, ours: Tenant) -> None:
    assert browser.http.get("/").headers["location"] == PAGE
    shown = browser.get(PAGE).text
    assert '<a href="/operator/moderation">shop</a>' in shown
    assert ">ours</a>" in shown


def test_a_domain_that_is_proved_and_may_not_send_is_there_until_it_may(
    browser: Browser, ours: Tenant, operator: httpx.Client
) -> None:
    name = "lame.ours.test"
    made_by(ours.api, "/domains", {"name": name})

    def set_to(sending: bool) -> None:
        states = {"owned": True, "sending": sending}
        operator.patch(f"/domains/{name}", params={"project": "ours"}, json=states).raise_for_status()

    set_to(False)
    assert f"/domains/{name}" in browser.get(PAGE).text
    set_to(True)
    assert f"/domains/{name}" not in browser.get(PAGE).text


def test_what_the_doctor_found_is_there_in_the_readers_language(browser: Browser) -> None:
    def found() -> bool:
        return "doctor</span>" in browser.get(PAGE).text  # no machine of ours has a backup when it starts

    wait_until(found, "the first round of the doctor", 60)
    assert "backup: the last" in browser.get(PAGE).text
    russian = browser.get(PAGE, headers={"Accept-Language": "ru"}).text
    assert "резервная копия: последняя" in russian
    assert "её нет" in russian
    assert "there is none" not in browser.get("/operator/doctor", headers={"Accept-Language": "ru"}).text


def test_a_breaker_that_tripped_is_there_with_its_reason_and_where_it_is_looked_at(
    web: Appliance, browser: Browser, ours: Tenant
) -> None:
    body = {"name": "spring", "sender": ours.sender, "list": ours.list, "subject": "s", "html": "<p>h</p>"}
    campaign = made_by(ours.api, "/campaigns", body)["id"]
    words = f"campaign {campaign}: hard bounces at gmail: 12 of 110 in 168 h (10.91%)"
    tripped = breakers.Tripped("campaign", campaign, "stop", "slow", words, datetime.now(UTC), None)
    stores = open_stores(str(web.folder))
    stores.core.journal.run(lambda tx: breakers.trip(tx, tripped))
    stores.close()
    shown = browser.get(PAGE).text
    link = re.search(rf'<a href="(/p/\d+/campaigns/{campaign})">spring</a>', shown)
    assert link
    assert f"slowed: {words}" in shown
    for page in (PAGE, link[1].partition("/campaigns")[0]):
        russian = browser.get(page, headers={"Accept-Language": "ru"}).text
        assert f"замедлено: рассылка № {campaign}: несуществующие адреса у gmail: 12 из 110 за 168 ч" in russian
