"""The panel with 1,000,000 clients: every page of its route table, p95 of 50 requests within 150 ms to the last byte.

SQLite. A page beyond that is named and the bench ends with status 1. The CPU that the admin process took for a request
stands beside, because on a busy machine it is the figure that tells. No peer is measured.
`make bench NAME=panel ARGS="clients requests"`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi.routing import APIRoute

from admin.pages.panel import PAGES
from measure.panel_rows import seed
from measure.processes import cpu_seconds
from peers.appliance import PROGRAM, Appliance
from peers.panel import Browser, operator_at
from peers.tenants import Tenant, made_by, tenant

CLIENTS: Final = 1_000_000
REQUESTS: Final = 50
MOST_MS: Final = 150.0
SETTINGS: Final = '[dns]\nservers = ["127.0.0.1:9"]\n'
FILES: Final = ("/lists/{list_id}/clients.csv",)  # as long as the list: streamed, no page
SENT: Final = ("", "/progress")  # pages of a campaign that was sent; the others are a draft's


@dataclass(frozen=True, slots=True)
class Timed:
    path: str
    p95_ms: float
    cpu_ms: float
    octets: int

    @property
    def beyond(self) -> bool:
        return self.p95_ms > MOST_MS


def main(clients: int, requests: int) -> int:
    with tempfile.TemporaryDirectory(prefix="panel-") as folder:
        appliance = Appliance(Path(folder), SETTINGS)
        appliance.start()
        try:
            pages = _furnished(appliance, clients)
            found = [_timed(appliance, browser, path, requests) for browser, path in pages]
        finally:
            appliance.stop()
    slow = [one for one in found if one.beyond]
    for one in sorted(found, key=lambda each: -each.p95_ms):
        mark = "BEYOND" if one.beyond else ""
        print(f"{one.p95_ms:8.1f} ms  {one.cpu_ms:7.1f} ms CPU  {one.octets:8} octets  {one.path} {mark}")
    worst = max(found, key=lambda one: one.p95_ms)
    told = {"clients": clients, "pages": len(found), "beyond": len(slow), "worst_p95_ms": round(worst.p95_ms, 1)}
    print(json.dumps(told | {"worst": worst.path}))
    return int(bool(slow))


def _furnished(appliance: Appliance, clients: int) -> list[tuple[Browser, str]]:
    """A project with a thing of every noun, then so many clients; every page with who asks for it."""
    with appliance.api() as operator:
        ours = tenant(appliance, operator, "ours")
        project = next(one["id"] for one in operator.get("/projects").json()["items"] if one["name"] == "ours")
    body = {"name": "sent", "sender": ours.sender, "list": ours.list, "subject": "Hello", "html": "<p>Hello</p>"}
    sent = made_by(ours.api, "/campaigns", body)["id"]
    ours.api.close()
    appliance.stop()
    begun = time.monotonic()
    wrote = seed(appliance.folder, project, ours.list, sent, clients)
    subprocess.run([PROGRAM, "rating", "check", "--mend", "--dir", appliance.folder], check=True, capture_output=True)
    print(f"{clients} clients in {time.monotonic() - begun:.0f} s", flush=True)
    appliance.start()
    browser = operator_at(appliance)
    return [(browser, path) for path in _paths(ours, project, sent, wrote)]


def _paths(ours: Tenant, project: int, sent: int, wrote: Mapping[str, int]) -> Iterator[str]:
    values: dict[str, Any] = {
        "project": project, "name": _static(), "sender": ours.sender, "address": f"hello@{ours.domain}",
        "list_id": ours.list, "import_id": ours.imported, "client": wrote["client"], "row": wrote["row"],
        "connection": ours.connection, "segment": ours.segment,
    }  # fmt: skip
    for page in PAGES:
        for route in page.router.routes:
            if not isinstance(route, APIRoute) or "GET" not in route.methods or route.path.endswith(FILES):
                continue
            own = dict(values)
            if "/domains/{name}" in route.path:
                own["name"] = ours.domain
            own["campaign"] = sent if route.path.partition("{campaign}")[2] in SENT else ours.campaign
            asked = f"?segment={ours.segment}" if route.path.endswith("/campaigns/reach") else ""
            yield route.path.format(**own) + asked


def _static() -> str:
    from admin.pages.render import asset

    return asset("panel.css").rpartition("/")[2]


def _timed(appliance: Appliance, browser: Browser, path: str, requests: int) -> Timed:
    answer = browser.get(path)  # whatever is compiled or read once
    if answer.status_code not in (200, 303):
        raise AssertionError(f"{path}: {answer.status_code} {answer.text[:500]}")
    admin = appliance.pid_of("admin")
    before, took = cpu_seconds(admin), []
    for _ in range(requests):
        begun = time.perf_counter()
        browser.get(path)
        took.append(1000 * (time.perf_counter() - begun))
    spent = 1000 * (cpu_seconds(admin) - before) / requests
    return Timed(path, sorted(took)[int(0.95 * requests)], spent, len(answer.content))


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(given + [CLIENTS, REQUESTS][len(given) :])))
