"""A TLS report that somebody posts is kept for the domain's own project, once, and floods and bombs are refused."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import httpx
import pytest

from admin import report_post
from admin.acts import reports as acts
from admin.acts.pages import Window
from admin.api.app import make_app
from admin.office import Office
from peers import smtp_role
from peers.smtp_role import Tenant
from peers.vaults import whole_vault
from role.log import EventLog
from store.received_reports import KeptReport
from store.stores import Stores

PACKED, PLAIN = "application/tlsrpt+gzip", "application/tlsrpt+json"


def report(domain: str, identity: str = "r1") -> bytes:
    day = {"start-datetime": "2026-11-01T00:00:00Z", "end-datetime": "2026-11-01T23:59:59Z"}
    policy = {"policy-type": "sts", "policy-domain": domain, "policy-string": ["version: STSv1"]}
    failures = [{"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.7", "failed-session-count": 3}]
    summary = {"total-successful-session-count": 40, "total-failure-session-count": 3}
    told = {"policy": policy, "summary": summary, "failure-details": failures}
    return json.dumps(
        {"organization-name": "Them", "date-range": day, "report-id": identity, "policies": [told]}
    ).encode()


class Desk:
    def __init__(self, stores: Stores, folder: Path) -> None:
        self.tenant: Tenant = smtp_role.settle_tenant(stores)
        (folder / "imports").mkdir()
        self.office = Office(stores, whole_vault(smtp_role.MASTER), folder / "imports", "mx.ours.test", ())
        self._app = make_app(self.office, EventLog("admin"), 1_000_000)

    def post(self, octets: bytes, kind: str = PACKED, peer: str = "192.0.2.7") -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, client=(peer, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="https://mail.ours.test") as outside:
                return await outside.post("/tlsrpt", content=octets, headers={"Content-Type": kind})

        return asyncio.run(ask())

    def kept(self) -> list[KeptReport]:
        return acts.page(self.office, self.tenant.project, "ours.test", Window()).items


@pytest.fixture
def desk(stores: Stores, tmp_path: Path) -> Desk:
    return Desk(stores, tmp_path)


@pytest.mark.parametrize(("kind", "packed"), [(PACKED, True), (PLAIN, False), (f"{PLAIN}; charset=utf-8", False)])
def test_a_report_about_a_domain_of_ours_is_kept_once_and_not_as_verified(desk: Desk, kind: str, packed: bool) -> None:
    octets = gzip.compress(report("ours.test")) if packed else report("ours.test")
    assert [desk.post(octets, kind).status_code for _ in range(2)] == [201, 201]
    (kept,) = desk.kept()
    assert (kept.domain, kept.organization, kept.sender, kept.verified) == ("ours.test", "Them", "[192.0.2.7]", False)
    assert (kept.messages, kept.passed) == (43, 40)


def test_of_a_domain_that_is_not_ours_nothing_is_kept(desk: Desk) -> None:
    assert desk.post(gzip.compress(report("theirs.test"))).status_code == 404
    assert desk.kept() == []


@pytest.mark.parametrize(
    ("octets", "kind", "status"),
    [
        (b"<report/>", "application/xml", 415),
        (b"no json", PLAIN, 400),
        (b"", PACKED, 400),
        (gzip.compress(b"x" * 40_000_000), PACKED, 400),  # 40 kB that unpack beyond the limit
        (gzip.compress(gzip.compress(report("ours.test"))), PACKED, 400),
        (b"x" * 1_100_000, PACKED, 413),
    ],
    ids=["another type", "no report", "nothing", "bomb", "nested", "too large"],
)
def test_what_is_no_report_is_refused(desk: Desk, octets: bytes, kind: str, status: int) -> None:
    assert desk.post(octets, kind).status_code == status
    assert desk.kept() == []


def test_one_network_cannot_fill_the_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_post, "OF_A_NETWORK", 3)
    told = [desk.post(report("ours.test", f"r{n}"), PLAIN, f"192.0.2.{n}") for n in range(1, 6)]
    assert [one.status_code for one in told] == [201, 201, 201, 429, 429]
    assert told[-1].headers["Retry-After"] == "3600"
    assert desk.post(report("ours.test", "other"), PLAIN, "198.51.100.1").status_code == 201
    assert len(desk.kept()) == 4
