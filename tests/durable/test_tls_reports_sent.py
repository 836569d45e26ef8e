"""A day's counts become one report for each address that a domain names, in the queue, signed by our domain; once."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from sqlalchemy import select

from admin.acts import domains, projects
from admin.office import Office
from admin.report_desk import ReportDesk
from admin.tls_reports import TlsReports
from mail.tls_report import Session
from mta.outbound.compose import Recipe, Recipes
from mta.outbound.tls_tally import TlsTally
from net.http_guard import HttpGuard
from net.resolver import Resolver
from peers.names import Names, record
from peers.policy_site import WEB, Site, beside
from peers.tls import server_context
from peers.vaults import whole_vault
from role.log import EventLog
from store import tls_results
from store.schema import messages, recipients
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores

AUTHORITY = trustme.CA()
NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()
TOMORROW = NOW + timedelta(days=1)
SESSION = Session("remote.test", "sts", "mode: enforce", "mx.remote.test", "192.0.2.1", "198.51.100.1", "")
FAILED = Session(
    "remote.test", "sts", "mode: enforce", "mx.remote.test", "192.0.2.1", "198.51.100.1", "validation-failure"
)
SILENT = Session("silent.test", "sts", "mode: enforce", "mx.silent.test", "192.0.2.2", "198.51.100.1", "")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(file)
    return file


@pytest.fixture(scope="module")
def hook() -> Iterator[Site]:
    """Where reports are posted."""
    with beside(server_context(AUTHORITY, "hook.remote.test"), b"") as site:
        yield site


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory, hook: Site) -> Iterator[Names]:
    told = f"v=TLSRPTv1; rua=mailto:tls%2dreports@remote.test,https://hook.remote.test:{hook.port}/x?a=b"
    zone = [record("_smtp._tls.remote.test", "TXT", told), record("hook.remote.test", "A", WEB)]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


class Desk:
    def __init__(self, stores: Stores, folder: Path, names: Names, authority: Path) -> None:
        self.stores = stores
        self.office = Office(stores, whole_vault(bytes(32)), folder, "mx.ours.test", ())
        self.spool = Spool(folder / "spool")
        resolver = Resolver([names.listening], timedelta(seconds=2))
        trusts = ssl.create_default_context(cafile=authority)
        guard = HttpGuard(resolver, trusts, [ip_network("127.0.7.0/24")], timedelta(seconds=5))
        self.reports = TlsReports(ReportDesk(self.office, self.spool), resolver, guard, EventLog("clock"))
        context: Any = SimpleNamespace(stores=stores)
        tally = TlsTally(context)
        for session in (SESSION, SESSION, FAILED, SILENT):
            tally.add(session)
            tally.flush()
        stores.events.journal.run(lambda tx: None)  # behind what was flushed

    def settle(self) -> None:
        owner = projects.create(self.office, "ours", campaigns_allowed=False).id
        domains.create(self.office, owner, "ours.test")
        domains.set_states(self.office, owner, "ours.test", {"owned": True, "sending": True})

    def queued(self) -> list[Any]:
        with self.stores.core.database.read() as core:
            wanted = select(recipients.c.address, messages).join(messages, messages.c.id == recipients.c.message_id)
            return list(core.execute(wanted).all())

    def counted(self) -> list[tuple[str, str]]:
        with self.stores.events.database.read() as events:
            return tls_results.reportable(events, TOMORROW.date().isoformat(), 10)


@pytest.fixture
def desk(stores: Stores, tmp_path: Path, names: Names, authority: Path, hook: Site) -> Desk:
    hook.status = b"201 Created"
    hook.asked.clear()
    hook.bodies.clear()
    return Desk(stores, tmp_path, names, authority)


def test_a_report_is_queued_signed_and_sent_whatever_the_policy_says(desk: Desk, hook: Site) -> None:
    desk.settle()
    desk.reports.step(TOMORROW)
    (row,) = desk.queued()
    assert (row.address, row.reverse_path, row.requires_tls) == (
        "tls-reports@remote.test", "tls-reports@ours.test", False,
    )  # fmt: skip
    context: Any = SimpleNamespace(stores=desk.stores, vault=desk.office.vault, spool=desk.spool, settings=Settings())
    recipe = Recipes(context).of([row.id])[row.id]
    assert isinstance(recipe, Recipe)
    assert recipe.requires_tls is False
    assert recipe.signer is not None
    assert recipe.signer.domain == "ours.test"
    assert b"DKIM-Signature" in recipe.signer.sign(recipe.content, NOW)
    (_, attached) = message_from_bytes(recipe.content, policy=policy.default).iter_parts()
    told = json.loads(gzip.decompress(attached.get_payload(decode=True)))
    assert told["policies"][0]["summary"] == {
        "total-successful-session-count": 2, "total-failure-session-count": 1,
    }  # fmt: skip
    (head,) = hook.asked
    assert head.startswith(b"POST /x?a=b HTTP/1.1\r\n")
    assert b"content-type: application/tlsrpt+gzip" in head.lower()
    assert json.loads(gzip.decompress(hook.bodies[0])) == told


def test_it_is_sent_once_and_not_before_the_day_is_over(desk: Desk) -> None:
    desk.settle()
    desk.reports.step(NOW)
    assert (desk.queued(), desk.counted()) == ([], [(TODAY, "remote.test"), (TODAY, "silent.test")])
    for _ in range(2):
        desk.reports.step(TOMORROW)
    assert (len(desk.queued()), desk.counted()) == (1, [])


def test_without_a_domain_of_ours_behind_the_host_name_counts_are_thrown_away(desk: Desk, hook: Site) -> None:
    desk.reports.step(TOMORROW)
    assert (desk.queued(), desk.counted(), hook.asked) == ([], [], [])


def test_one_address_that_fails_does_not_stop_the_others(desk: Desk, hook: Site) -> None:
    desk.settle()
    hook.status = b"500 Broken"
    desk.reports.step(TOMORROW)
    assert (len(desk.queued()), len(hook.asked), desk.counted()) == (1, 1, [])
