"""What the MX counts becomes one report for each address that a domain names, queued once and signed by our domain."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from admin.acts import domains, projects
from admin.dmarc_reports import DmarcReports
from admin.office import Office
from admin.report_desk import ReportDesk
from mta.inbound.authenticate import Authenticator, Peer
from mta.inbound.dmarc_tally import DmarcTally
from mta.outbound.compose import Recipe, Recipes
from net.resolver import Resolver
from peers.names import Names, record
from peers.vaults import whole_vault
from role.log import EventLog
from store import dmarc_results
from store.schema import messages, recipients
from store.settings import Authentication as Rules
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores

NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()
TOMORROW = NOW + timedelta(days=1)
RUA = "mailto:d%2dmarc@owner.test!1m,mailto:other@agreed.test,mailto:x@silent.test,mailto:y@owner.test!10,https://x"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    zone = [
        record("owner.test", "TXT", "v=spf1 ip4:192.0.2.1 -all"),
        record("_dmarc.owner.test", "TXT", f"v=DMARC1; p=reject; sp=quarantine; rua={RUA}"),
        record("owner.test._report._dmarc.agreed.test", "TXT", "v=DMARC1;"),
        record("_dmarc.quiet.test", "TXT", "v=DMARC1; p=reject"),
    ]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


class Desk:
    def __init__(self, stores: Stores, folder: Path, names: Names) -> None:
        self.stores = stores
        self.office = Office(stores, whole_vault(bytes(32)), folder, "mx.ours.test", ())
        self.spool = Spool(folder / "spool")
        self.resolver = Resolver([names.listening], timedelta(seconds=2))
        self.reports = DmarcReports(ReportDesk(self.office, self.spool), self.resolver, EventLog("clock"))
        self.tally = DmarcTally(stores, EventLog("mx"))

    def settle(self) -> None:
        owner = projects.create(self.office, "ours", campaigns_allowed=False).id
        domains.create(self.office, owner, "ours.test")
        domains.set_states(self.office, owner, "ours.test", {"owned": True, "sending": True})

    def receive(self, author: str, peer: str, times: int = 1, path: str | None = None) -> None:
        judge = Authenticator(self.resolver, "mx.ours.test", Rules(), bytes(32), self.tally)
        content = f"From: a@{author}\r\nSubject: x\r\n\r\nBody\r\n".encode()
        for _ in range(times):
            judge.authenticate(Peer(peer, "helo.test"), f"b@{author}" if path is None else path, content, NOW)

    def flush(self) -> None:
        if saved := self.tally.flush():
            saved.result()

    def queued(self) -> list[Any]:
        with self.stores.core.database.read() as core:
            wanted = select(recipients.c.address, messages).join(messages, messages.c.id == recipients.c.message_id)
            return list(core.execute(wanted.order_by(recipients.c.address)).all())

    def due(self) -> list[str]:
        with self.stores.events.database.read() as events:
            return [seen.domain for _, seen in dmarc_results.reportable(events, TOMORROW.date().isoformat(), 10)]


@pytest.fixture
def desk(stores: Stores, tmp_path: Path, names: Names) -> Desk:
    return Desk(stores, tmp_path, names)


def told(desk: Desk, row: Any) -> Any:
    """The XML of a queued report, with the message it came in."""
    context: Any = SimpleNamespace(stores=desk.stores, vault=desk.office.vault, spool=desk.spool, settings=Settings())
    recipe = Recipes(context).of([row.id])[row.id]
    assert isinstance(recipe, Recipe)
    assert recipe.signer is not None
    assert recipe.signer.domain == "ours.test"
    whole = message_from_bytes(recipe.content, policy=policy.default)
    _, attached = whole.iter_parts()
    return ElementTree.fromstring(gzip.decompress(attached.get_payload(decode=True))), whole, attached


def test_a_day_of_mail_becomes_a_report_to_who_asked_and_agreed(desk: Desk) -> None:
    desk.settle()
    desk.receive("owner.test", "192.0.2.1", times=3)
    desk.receive("owner.test", "192.0.2.9")
    desk.receive("news.owner.test", "2001:db8::9", path="")
    desk.receive("quiet.test", "192.0.2.9")
    desk.flush()
    desk.reports.step(TOMORROW)
    first, second = desk.queued()
    assert (first.address, second.address) == ("d-marc@owner.test", "other@agreed.test")
    assert (first.reverse_path, first.requires_tls) == ("dmarc-reports@ours.test", None)
    xml, whole, attached = told(desk, first)
    assert whole["Subject"].startswith("Report Domain: owner.test Submitter: ours.test Report-ID: <")
    assert attached.get_filename().startswith("ours.test!owner.test!")
    assert attached.get_content_type() == "application/gzip"
    assert {name: xml.findtext(f"policy_published/{name}") for name in ("domain", "p", "sp", "adkim", "pct")} == {
        "domain": "owner.test", "p": "reject", "sp": "quarantine", "adkim": "r", "pct": "100",
    }  # fmt: skip
    midnight = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)
    assert xml.findtext("report_metadata/date_range/begin") == f"{midnight.timestamp():.0f}"
    rows = [
        [one.findtext(path) for path in (
            "row/source_ip", "row/count", "row/policy_evaluated/disposition", "row/policy_evaluated/spf",
            "identifiers/header_from", "identifiers/envelope_from", "auth_results/spf/scope",
        )]
        for one in xml.iter("record")
    ]  # fmt: skip
    assert rows == [
        ["192.0.2.1", "3", "none", "pass", "owner.test", "owner.test", "mfrom"],
        ["192.0.2.9", "1", "reject", "fail", "owner.test", "owner.test", "mfrom"],
        ["2001:db8::9", "1", "quarantine", "fail", "news.owner.test", "", "helo"],
    ]
    assert desk.due() == []


def test_a_report_waits_for_the_end_of_its_day_and_goes_once(desk: Desk) -> None:
    desk.settle()
    desk.receive("owner.test", "192.0.2.1")
    desk.flush()
    desk.reports.step(NOW)
    assert (desk.queued(), desk.due()) == ([], ["owner.test"])
    for _ in range(2):
        desk.reports.step(TOMORROW)
    assert len(desk.queued()) == 2


def test_killed_between_queueing_and_forgetting_nothing_is_queued_twice(desk: Desk) -> None:
    desk.settle()
    for _ in range(2):
        # What a crash leaves: the report is in the queue, and the counts are still there.
        desk.receive("owner.test", "192.0.2.1")
        desk.flush()
        desk.reports.step(TOMORROW)
    assert len(desk.queued()) == 2
    assert desk.due() == []


def test_without_a_domain_of_ours_behind_the_host_name_counts_are_thrown_away(desk: Desk) -> None:
    desk.receive("owner.test", "192.0.2.1")
    desk.flush()
    desk.reports.step(TOMORROW)
    assert (desk.queued(), desk.due()) == ([], [])


def test_names_that_a_stranger_makes_up_do_not_grow_a_report_without_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mta.inbound.dmarc_tally.DETAILED", 10)
    monkeypatch.setattr("mta.inbound.dmarc_tally.MOST", 12)
    for number in range(30):
        desk.receive("owner.test", "192.0.2.9", path=f"x@n{number}.test")
    for number in range(4):
        desk.receive("owner.test", f"192.0.2.1{number}", path="x@many.test")
    desk.flush()
    with desk.stores.events.database.read() as events:
        ((day, seen),) = dmarc_results.reportable(events, TOMORROW.date().isoformat(), 10)
        rows = dmarc_results.of_day(events, day, seen)
    assert len(rows) == 12
    assert (rows[0][0].envelope_from, rows[0][1]) == ("", 20)
    assert sum(count for _, count in rows) == 31
