"""Mails to people (D5, S2): a record that broke, a state that fell, a decision; in their language, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from sqlalchemy import select

from admin import notices
from admin.acts import connections, domains, mailboxes, projects, senders
from admin.office import Office
from peers.vaults import whole_vault
from policy.domain_records import DnsRecord
from policy.domain_verdict import Finding
from store import domains as kept_domains
from store import people
from store.schema import messages, recipients
from store.settings import Admin, Settings
from store.stores import Stores

NOW = datetime.now(UTC)
FOUND = [
    Finding("spf", "spf_syntax", DnsRecord("shop.test", "TXT", "v=spf1 -all"), (), {"word": "<b>&\r\nX: y"}),
    Finding("mx", "", DnsRecord("shop.test", "MX", "10 mail.host.test.")),
]


class Team:
    """A project with owners who speak two languages, one of whom signs in with no address, and an asker."""

    def __init__(self, office: Office) -> None:
        self.office = office
        home = projects.create(office, "home", campaigns_allowed=False).id
        domains.create(office, home, "host.test")
        self.home = home
        self.project = projects.create(office, "shop", campaigns_allowed=True).id
        self.person("olga@people.test", "owner", "ru")
        self.person("otto@people.test", "owner", None)
        self.person("admin", "owner", None)
        self.asker = self.person("mia@people.test", "member", "en")

    def person(self, login: str, role: str, language: str | None) -> int:
        def made(tx: object) -> int:
            one = people.create(tx, login, role, self.project, "x", NOW)  # type: ignore[arg-type]  # a transaction
            people.set_tastes(tx, one.id, language, None)  # type: ignore[arg-type]  # a transaction
            return one.id

        return self.office.write(made)

    def opened(self) -> None:
        domains.set_states(self.office, self.home, "host.test", {"owned": True, "sending": True})

    def mails(self) -> dict[str, tuple[str, str]]:
        """Subject and words by addressee."""
        with self.office.read() as core:
            rows = core.execute(select(messages.c.bytes, recipients.c.address).join(recipients)).all()
        found = {}
        for row in rows:
            parsed = message_from_bytes(row.bytes)
            body = parsed.get_payload(decode=True)
            assert isinstance(body, bytes)
            assert set(parsed) == {
                "From", "To", "Date", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type",
                "Content-Transfer-Encoding",
            }  # fmt: skip
            found[row.address] = str(make_header(decode_header(parsed["Subject"]))), body.decode()
        return found


@pytest.fixture
def team(stores: Stores, tmp_path: Path) -> Iterator[Team]:
    settings = Settings(admin=Admin(url="https://panel.host.test"))
    yield Team(Office(stores, whole_vault(bytes(32)), tmp_path / "up", "mail.host.test", (), settings=settings))


def test_owners_are_told_of_a_broken_record_each_in_their_language(team: Team) -> None:
    team.opened()
    domain = _domain(team)
    for told in (notices.record_broke(domain, "sending", FOUND), notices.state_fell(domain, "sending", FOUND)):
        desk = notices.notices(team.office)
        assert team.office.write(lambda tx, told=told, desk=desk: desk.tell(tx, team.project, told, NOW)) == 2
    mails = team.mails()
    assert set(mails) == {"olga@people.test", "otto@people.test"}
    subject, words = mails["olga@people.test"]
    assert subject.startswith("shop.test: состояние снято")
    assert "уже 24 часа" in words
    subject, words = mails["otto@people.test"]
    assert subject == "shop.test may do less: a DNS record is broken"
    assert "“<b>&" in words
    assert "shop.test TXT v=spf1 -all" in words
    assert "10 mail.host.test." not in words
    assert f"https://panel.host.test/p/{team.project}/domains/shop.test" in words


def _domain(team: Team) -> kept_domains.Domain:
    domains.create(team.office, team.project, "shop.test")
    with team.office.read() as core:
        found = kept_domains.get(core, team.project, "shop.test")
    assert found is not None
    return found


def test_who_asked_is_told_the_decision_and_no_secret(team: Team) -> None:
    team.opened()
    made = _asked(team, team.asker)
    connections.decide(team.office, made.id, approved=False, reason="too vague: " + "слово " * 300)
    subject, words = team.mails()["mia@people.test"]
    assert subject == "SMTP connection rejected: shop"
    assert "too vague" in words
    assert max(len(line.encode()) for line in words.splitlines()) < 900
    assert made.password not in words
    assert made.login not in words


def test_owners_are_told_where_the_asker_is_gone_or_a_program_asked(team: Team) -> None:
    team.opened()
    made = _asked(team, team.asker)
    team.office.write(lambda tx: people.remove(tx, team.asker))
    connections.decide(team.office, made.id, approved=True, reason="")
    assert team.mails()["olga@people.test"][0] == "Подключение SMTP одобрено: shop"


def test_without_a_domain_to_send_from_the_act_is_done_and_nobody_is_mailed(team: Team) -> None:
    made = _asked(team, None)
    assert connections.decide(team.office, made.id, approved=True, reason="").state == "active"
    assert team.mails() == {}


def _asked(team: Team, person: int | None) -> connections.NewConnection:
    domains.create(team.office, team.project, "asks.test")
    domains.set_states(team.office, team.project, "asks.test", {"owned": True, "sending": True})
    mailboxes.create(team.office, team.project, "hello@asks.test", None, None)
    sender = senders.create(team.office, team.project, "hello@asks.test", "Shop").id
    answers = dict.fromkeys(connections.QUESTIONS, "x")
    return connections.ask(team.office, team.project, "shop", sender, answers, asked_by=person)
