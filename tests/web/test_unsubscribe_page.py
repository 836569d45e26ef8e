"""The unsubscribe link (K4, RFC 8058): a GET never acts, a POST acts at once and as often as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from admin.keepsakes import open_vault
from mail.verp import Tokens
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.tenants import made_by

DOMAIN = "letters.test"
LIST = 'readers <b>"&'


class Mailing:
    """A launched campaign, and the links that its messages carry."""

    def __init__(self, web: Appliance, operator: httpx.Client) -> None:
        key = made_by(operator, "/projects", {"name": "letters", "campaigns_allowed": True})["api_key"]
        self.api = web.api(key)
        made_by(self.api, "/domains", {"name": DOMAIN})
        states = {"owned": True, "sending": True}
        operator.patch(f"/domains/{DOMAIN}", params={"project": "letters"}, json=states).raise_for_status()
        made_by(self.api, "/mailboxes", {"address": f"news@{DOMAIN}"})
        self.sender = made_by(self.api, "/senders", {"address": f"news@{DOMAIN}"})["id"]
        self.list = made_by(self.api, "/lists", {"name": LIST})["id"]
        for number in range(6):
            made_by(self.api, "/clients", {"address": f"c{number}@gone.test", "lists": [self.list]})
        self.tokens = Tokens(open_vault(web.folder).derived("tokens"))
        self.page = httpx.Client(base_url=f"{web.ready['admin']}/u", verify=self.api._transport._pool._ssl_context)  # type: ignore[attr-defined]
        self.rows = self.launched()

    def launched(self) -> dict[str, int]:
        body = {"name": "x", "sender": self.sender, "list": self.list, "subject": "x", "html": "<p>x</p>"}
        campaign = made_by(self.api, "/campaigns", body)["id"]
        made_by(self.api, f"/campaigns/{campaign}/launch", {})
        found: list[Any] = []

        def expanded() -> bool:
            found[:] = self.api.get(f"/campaigns/{campaign}/recipients").json()["items"]
            return len(found) == 6

        wait_until(expanded, "the campaign's rows are made", 20)
        return {row["address"]: row["id"] for row in found}

    def link(self, address: str) -> str:
        return "/" + self.tokens.unsubscribe(self.rows[address])

    def suppressions(self, address: str) -> list[Any]:
        clients = self.api.get("/clients").json()["items"]
        client = next(one["id"] for one in clients if one["address"] == address)
        return [one["list"] for one in self.api.get(f"/clients/{client}").json()["suppressions"]]


@pytest.fixture(scope="module")
def mailing(web: Appliance, operator: httpx.Client) -> Iterator[Mailing]:
    made = Mailing(web, operator)
    yield made
    made.page.close()
    made.api.close()


def test_a_get_shows_the_choice_and_changes_nothing(mailing: Mailing) -> None:
    for _ in range(2):
        answer = mailing.page.get(mailing.link("c0@gone.test"))
        assert answer.status_code == 200
    assert mailing.suppressions("c0@gone.test") == []
    assert 'method="post"' in answer.text
    assert 'value="list"' in answer.text
    assert 'value="everything"' in answer.text


def test_security_21_names_are_escaped_and_the_policy_allows_no_script(mailing: Mailing) -> None:
    answer = mailing.page.get(mailing.link("c0@gone.test"))
    assert "readers &lt;b&gt;&#34;&amp;" in answer.text
    assert "<b>" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_page_speaks_the_language_that_the_browser_asks_for(mailing: Mailing) -> None:
    link = mailing.link("c0@gone.test")
    for asked, language, button in (
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru", "Отписаться от всего"),
        ("de,en;q=0.5", "en", "Unsubscribe from everything"),
        ("", "en", "Unsubscribe from everything"),
    ):
        shown = mailing.page.get(link, headers={"Accept-Language": asked})
        assert f'<html lang="{language}">' in shown.text
        assert button in shown.text
        assert shown.headers["vary"] == "Accept-Language"


def test_one_click_ends_the_list_at_once_and_may_be_repeated(mailing: Mailing) -> None:
    for _ in range(2):
        answer = mailing.page.post(mailing.link("c1@gone.test"), data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert mailing.suppressions("c1@gone.test") == [mailing.list]


def test_one_click_as_multipart_is_the_same(mailing: Mailing) -> None:
    answer = mailing.page.post(mailing.link("c2@gone.test"), files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200
    assert mailing.suppressions("c2@gone.test") == [mailing.list]


def test_the_form_can_end_everything(mailing: Mailing) -> None:
    assert mailing.page.post(mailing.link("c3@gone.test"), data={"from": "everything"}).status_code == 200
    assert mailing.suppressions("c3@gone.test") == [None]


def test_who_unsubscribed_gets_nothing_of_the_next_campaign(mailing: Mailing) -> None:
    mailing.page.post(mailing.link("c4@gone.test"), data={"List-Unsubscribe": "One-Click"})
    rows = mailing.launched()
    events = mailing.api.get(f"/trace/{rows['c4@gone.test']}").json()["items"]
    assert events[-1]["event"] == "suppressed"
    assert events[-1]["words"] == "unsubscribed or complained"


def test_a_wrong_token_is_not_found_and_changes_nothing(mailing: Mailing) -> None:
    good = mailing.link("c5@gone.test")
    other = "a" if good[-1] != "a" else "b"
    bounce = mailing.tokens.reverse_path_local(mailing.rows["c5@gone.test"]).partition("+")[2]
    for link in (good[:-1] + other, good[:-1], "/", "/x", f"/{bounce}", f"/{mailing.tokens.unsubscribe(10**9)}"):
        for method in ("GET", "POST"):
            answer = mailing.page.request(method, link)
            assert answer.status_code == 404, (method, link)
    assert mailing.suppressions("c5@gone.test") == []
