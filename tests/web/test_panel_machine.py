"""The operator begins where it is told what needs attention: requests that wait, domains that cannot send, findings."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx

from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.panel import Browser, person_at
from peers.tenants import Tenant, made_by
from store import breakers
from store.stores import open_stores

PAGE = "/operator/overview"


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


def test_held_mail_leads_to_where_each_role_sees_it_and_who_may_lets_it_go(
    web: Appliance, browser: Browser, ours: Tenant
) -> None:
    audience = made_by(ours.api, "/lists", {"name": "to be held"})["id"]
    made_by(ours.api, "/clients", {"address": "kept@held.test", "lists": [audience]})
    body = {"name": "held", "sender": ours.sender, "list": audience, "subject": "s", "html": "<p>h</p>"}
    campaign = made_by(ours.api, "/campaigns", body)["id"]
    ours.api.post(f"/campaigns/{campaign}/launch").raise_for_status()
    wait_until(lambda: made_by(ours.api, "/queue/hold", {"campaign": campaign})["changed"] == 1, "it is held", 30)
    shown = browser.get(PAGE).text
    link = re.search(r'<a href="(/p/(\d+)/queue\?state=held)">ours</a><span class="soft">1 message is held', shown)
    assert link
    assert "1 письмо удержано" in browser.get(PAGE, headers={"Accept-Language": "ru"}).text
    viewer = person_at(web, browser, int(link[2]), "looks@held.test", "viewer")
    for person, lets_go in ((browser, True), (viewer, False)):
        assert f'href="{link[1]}"' in person.get(f"/p/{link[2]}").text
        queue = person.get(link[1]).text
        assert "kept@held.test" in queue
        assert (f'formaction="/p/{link[2]}/queue/release"' in queue) is lets_go
    viewer.close()
    browser.post(f"/p/{link[2]}/queue/release", {"state": "held", "site": ""})
    assert "/queue?state=held" not in browser.get(PAGE).text
    ours.api.post(f"/campaigns/{campaign}/cancel").raise_for_status()
