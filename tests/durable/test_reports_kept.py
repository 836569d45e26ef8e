"""A report about a domain of ours that comes by mail is kept once, shown to its project alone, and dropped when old."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from admin.acts import reports as acts
from admin.acts.pages import Window
from admin.office import Office
from admin.refusals import NotFoundError
from admin.sweeping import forget_reports
from mail.aggregate_report import PolicySeen, Row
from mail.aggregate_write import compressed, letter, of_day
from mail.report_mail import Reporter, compose
from mail.srs import Srs
from mail.verp import Tokens
from mta.inbound.parser import Parser
from mta.inbound.sort import Sorter
from peers import smtp_role
from peers.smtp_role import Tenant
from peers.vaults import whole_vault
from policy.acceptance import Accepted, Purpose
from role.log import EventLog
from store import arrivals
from store.arrivals import Incoming, Received
from store.received_reports import KEPT, KeptReport
from store.spool import Spool
from store.stores import Stores

NOW = datetime.now(UTC)
THEM = Reporter("them.test", "postmaster@them.test")
VAULT = whole_vault(bytes(32))


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    made = Parser()
    yield made
    made.close()


class Desk:
    def __init__(self, stores: Stores, folder: Path, parser: Parser) -> None:
        self.stores = stores
        self.tenant: Tenant = smtp_role.settle_tenant(stores)
        self.office = Office(stores, VAULT, folder, "mx.ours.test", ())
        self.spool = Spool(folder / "spool")
        log, tokens, srs = EventLog("sorter"), Tokens(VAULT.derived("tokens")), Srs(VAULT.derived("srs"))
        self.sorter = Sorter(stores, self.spool, tokens, srs, parser, log)

    def arrive(self, content: bytes, dmarc: str = "pass") -> int:
        found = {"dmarc": dmarc, "disposition": "none", "from_domain": "them.test"}
        received = Received(NOW, "dmarc-reports@them.test", "127.0.0.1", "mx.them.test", False, found)
        to = Accepted("dmarc-reports@ours.test", Purpose.DMARC_REPORT, None)
        with self.stores.mail.database.write() as tx:
            arrival = arrivals.add(tx, [Incoming(received, self.spool.put(content), [to])])[0]
        while self.sorter.step():
            pass
        return arrival

    def listed(self, window: Window = Window()) -> list[KeptReport]:  # noqa: B008 - a frozen value
        return acts.page(self.office, self.tenant.project, "ours.test", window).items


@pytest.fixture
def desk(stores: Stores, tmp_path: Path, parser: Parser) -> Desk:
    return Desk(stores, tmp_path, parser)


def mailed(domain: str = "ours.test", day: date = date(2026, 1, 2), rows: int = 2) -> bytes:
    policy = PolicySeen(domain, "r", "r", "none", "none", "none", "100", "n")
    kinds = [("pass", "none"), ("fail", "reject")] * rows
    counted = tuple(
        (Row(f"192.0.2.{number}", disposition, dkim, "fail", "", domain, "", "", "mfrom", "fail", ()), number + 1)
        for number, (dkim, disposition) in enumerate(kinds[:rows])
    )
    report = of_day(THEM, day, policy, counted)
    return compose(THEM, letter(THEM, report, compressed(report)), "r@ours.test", "<1@them.test>", NOW)


def test_a_report_is_kept_once_and_its_rows_are_shown(desk: Desk) -> None:
    desk.arrive(mailed())
    (kept,) = desk.listed()
    assert (kept.domain, kept.organization, kept.sender, kept.verified) == ("ours.test", "them.test", "them.test", True)
    assert (kept.messages, kept.passed, kept.policy["p"]) == (3, 1, "none")
    assert kept.begins_at == datetime(2026, 1, 2, tzinfo=UTC)
    shown = acts.rows(desk.office, desk.tenant.project, "ours.test", kept.id, Window())
    assert [(row.source, row.messages, row.passed) for row in shown.items] == [
        ("192.0.2.0", 1, True), ("192.0.2.1", 2, False),
    ]  # fmt: skip
    assert shown.items[1].details["disposition"] == "reject"
    desk.arrive(mailed())
    assert desk.listed() == [kept]


def test_pages_go_from_the_newest_on_and_rows_from_the_first(desk: Desk) -> None:
    for day in range(1, 5):
        desk.arrive(mailed(day=date(2026, 1, day), rows=5))
    first = acts.page(desk.office, desk.tenant.project, "ours.test", Window(limit=3))
    assert [one.begins_at.day for one in first.items] == [4, 3, 2]
    assert first.next is not None
    assert [one.begins_at.day for one in desk.listed(Window(int(first.next)))] == [1]
    seen, cursor = [], 0
    while True:
        page = acts.rows(desk.office, desk.tenant.project, "ours.test", first.items[0].id, Window(cursor, 2))
        seen += [row.messages for row in page.items]
        if page.next is None:
            break
        cursor = int(page.next)
    assert seen == [1, 2, 3, 4, 5]


def test_a_report_about_a_name_below_ours_counts_for_ours(desk: Desk) -> None:
    desk.arrive(mailed("news.ours.test"))
    (kept,) = desk.listed()
    assert (kept.domain, kept.policy["domain"]) == ("ours.test", "news.ours.test")


@pytest.mark.parametrize(("domain", "dmarc", "kept"), [
    ("theirs.test", "pass", 0), ("notours.test", "pass", 0), ("ours.test", "fail", 0), ("ours.test", "none", 1),
])  # fmt: skip
def test_what_is_not_ours_or_is_forged_is_not_kept(desk: Desk, domain: str, dmarc: str, kept: int) -> None:
    desk.arrive(mailed(domain), dmarc)
    assert len(desk.listed()) == kept
    assert all(not one.verified for one in desk.listed())


def test_a_forgery_cannot_take_the_place_of_the_true_report(desk: Desk) -> None:
    desk.arrive(mailed(rows=1), "none")
    desk.arrive(mailed(), "pass")
    assert [(one.verified, one.messages) for one in desk.listed()] == [(True, 3), (False, 1)]


def test_another_project_sees_none_of_it(desk: Desk) -> None:
    desk.arrive(mailed())
    (kept,) = desk.listed()
    other = smtp_role.settle_tenant(desk.stores, "theirs.test")
    for domain, project in (("ours.test", other.project), ("theirs.test", desk.tenant.project)):
        with pytest.raises(NotFoundError):
            acts.page(desk.office, project, domain, Window())
    with pytest.raises(NotFoundError):
        acts.rows(desk.office, other.project, "theirs.test", kept.id, Window())


def test_security_14_a_bomb_by_mail_is_sorted_and_nothing_is_kept(desk: Desk) -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), compresslevel=1)
    policy = PolicySeen("ours.test", "r", "r", "none", "none", "none", "100", "n")
    content = compose(THEM, letter(THEM, of_day(THEM, date(2026, 1, 2), policy, ()), bomb), "r@ours.test", "<1@x>", NOW)
    arrival = desk.arrive(content)
    assert desk.listed() == []
    with desk.stores.mail.database.read() as mail:
        assert arrivals.backlog(mail)[0] == 0
        assert arrivals.load(mail, [arrival])[0].parses == 1


def test_what_is_old_is_dropped(desk: Desk) -> None:
    desk.arrive(mailed())
    forget_reports(desk.office, NOW + KEPT - timedelta(days=1))
    assert len(desk.listed()) == 1
    forget_reports(desk.office, NOW + KEPT + timedelta(days=1))
    assert desk.listed() == []
