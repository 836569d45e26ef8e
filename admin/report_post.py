"""POST /tlsrpt: a TLS report by HTTPS (RFC 8460 §5.6), from whoever has one about a domain of ours.

Open to everybody, so it is limited: octets (admin/api/body_limit), what they unpack to (mail/packed), reports of one
network and of all in an hour, in the memory of this process. Nobody vouches for who posts, so a report is kept as not
verified, under the address that it came from. Crash case: it was kept or it was not; who heard no 201 posts again, and
the same report of the same address is kept once.
"""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from prometheus_client import Counter

from admin.api.doors import TheOffice
from admin.office import Office
from mail.packed import PackedError, unpacked
from mail.received_report import ReceivedReport, UnreadableReportError
from mail.tls_report_read import read_tls_report
from policy.guessing import network_of
from store import domains, received_reports
from store.received_reports import Came

router = APIRouter(tags=["reports"], include_in_schema=False)

TYPES: Final = ("application/tlsrpt+gzip", "application/tlsrpt+json")
OF_A_NETWORK: Final = 60  # reports in an hour
OF_ALL: Final = 2_000
_KEPT: Final = Counter("mailloft_reports_posted", "TLS reports that came by HTTPS", ["fate"])


class Allowance:
    """How many came in this hour; one for each process."""

    def __init__(self) -> None:
        self._hour = 0
        self._came: Tally[str] = Tally()

    def takes(self, peer: str, now: datetime) -> bool:
        hour = int(now.timestamp()) // 3600
        if hour != self._hour:
            self._hour, self._came = hour, Tally()
        network = network_of(peer)
        if self._came[network] >= OF_A_NETWORK or self._came.total() >= OF_ALL:
            return False
        self._came[network] += 1
        return True


@router.post("/tlsrpt")
async def take(request: Request, office: TheOffice) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        return _told(415, "unreadable", f"send {' or '.join(TYPES)}")
    peer = request.client.host if request.client else "0.0.0.0"
    allowance: Allowance = request.app.state.allowance
    if not allowance.takes(peer, office.now()):
        return _told(429, "too many", "too many reports from there in this hour")
    octets = await request.body()
    try:
        kept = await run_in_threadpool(_keep, office, octets, peer)
    except (PackedError, UnreadableReportError) as error:
        return _told(400, "unreadable", str(error))
    if not kept:
        return _told(404, "foreign", "it speaks of no domain of ours")
    return _told(201, "kept", "")


def _keep(office: Office, octets: bytes, peer: str) -> int:
    """How many of its domains are ours."""
    came = Came(f"[{peer}]", False, 0, office.now())
    return sum(_add(office, report, came) for report in read_tls_report(unpacked(octets)))


def _add(office: Office, report: ReceivedReport, came: Came) -> bool:
    with office.read() as core:
        domain = domains.holding(core, report.domain)
    if domain is None:
        return False
    office.stores.events.journal.run(lambda tx: received_reports.add(tx, domain.name, report, came))
    return True


def _told(status: int, fate: str, words: str) -> Response:
    _KEPT.labels(fate).inc()
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if status == 429:
        headers["Retry-After"] = "3600"
    return Response(f"{words}\n" if words else "", status, headers, "text/plain")
