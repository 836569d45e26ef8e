"""Very many queued rows: what the sender does and costs with 1,000,000 of them beside what it does with 10,000.

For SQLite and PostgreSQL each: the same number of messages is taken from a small and from a large backlog that is
due, to 40 domains, while a transactional message is handed in ten times a second; then all that is left of the large
one is deferred until tomorrow and the appliance idles. No peer is measured. Timed at the sinks, from the first message
that they take. `make bench NAME=backlog ARGS="rows taken idle-seconds databases"` (databases: 1 SQLite alone, 2 both).
"""

from __future__ import annotations

import smtplib
import statistics
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from measure import backlog_rows
from measure.ours import SENDER, URGENT
from measure.processes import Watch, cpu_seconds, memory_mb
from measure.report import Run, finish, fsync_ms, load
from measure.sinks import Sinks
from measure.slow_disk import arguments
from measure.world import DOMAINS, World, world
from peers.loopback import wait_until
from peers.postgresql import Cluster
from store.stores import Stores, open_stores

SMALL: Final = 10_000
EVERY: Final = 0.1  # seconds between two transactional messages
URGENT_FOR: Final = 20.0  # seconds that transactional messages are handed in beside the large backlog
SENDERS: Final = ("sender-1", "sender-2")
PATIENCE: Final = 600


@dataclass(frozen=True, slots=True)
class Seen:
    """One backlog: how it was sent from; memory of the larger sender; seconds to the first attempt of urgent mail.

    Idle: cores of all processes together, and of the busier sender.
    """

    run: Run
    sender_mb: float
    urgent_s: list[float]
    idle_cores: float
    idle_sender: float

    def told(self) -> dict[str, float]:
        return {
            "rate": round(self.run.rate, 1),
            "cpu_s_per_1000": round(1000 * self.run.cpu_s / self.run.messages, 3),
            "peak_mb": round(self.run.peak_mb, 1),
            "sender_mb": round(self.sender_mb, 1),
            "urgent": len(self.urgent_s),
            "urgent_p50_s": round(statistics.median(self.urgent_s), 3),
            "urgent_p99_s": round(self.urgent_s[int(len(self.urgent_s) * 0.99)], 3),
            "idle_cores": round(self.idle_cores, 4),
            "idle_sender": round(self.idle_sender, 4),
        }


def main(rows: int, taken: int, idle: int, databases: int) -> int:
    found: dict[str, dict[str, Seen]] = {}
    with ExitStack() as stack:
        urls = {"sqlite": ""}
        if databases > 1:
            cluster = Cluster()
            stack.callback(cluster.stop)
            urls["postgresql"] = cluster.create()
        for name, url in urls.items():
            small = _seen(url, SMALL, taken, 0, f"{name}, {SMALL} rows")
            large_url = cluster.create() if url else ""
            found[name] = {"small": small, "large": _seen(large_url, rows, taken, idle, f"{name}, {rows} rows")}
    return finish(_result(found, rows))


def _seen(url: str, rows: int, taken: int, idle: int, name: str) -> Seen:
    with world(url) as made:
        ours = made.ours
        campaign = int(ours.draft(ours.import_list("nobody", ["nobody@nowhere.test"])))
        ours.appliance.stop()
        stores = open_stores(url or str(ours.appliance.folder))
        try:
            began = time.monotonic()
            backlog_rows.fill(stores, campaign, DOMAINS, rows)
            print(f"{name}: made in {time.monotonic() - began:.0f} s", flush=True)
            run, sender_mb = _sent(made, taken, URGENT_FOR if idle else 0.0)
            urgent = _urgent(stores)
            idling = _idle(made, stores, idle) if idle else (0.0, 0.0)
        finally:
            stores.close()
    seen = Seen(run, sender_mb, urgent, *idling)
    print(f"{name}: {seen.told()}  load {load()}", flush=True)
    return seen


def _sent(made: World, taken: int, at_least: float) -> tuple[Run, float]:
    """Timed until `taken` are taken; goes on for `at_least` so many seconds, for enough transactional messages."""
    sinks = Sinks(made.port, made.folder)
    stop = threading.Event()
    try:
        made.ours.appliance.start()
        urgent = threading.Thread(target=_hand_in_urgent, args=(made.ours.submission, stop))
        urgent.start()
        wait_until(lambda: sinks.taken() > taken // 10, "sending has begun", PATIENCE)  # warm: connected to all hosts
        first = sinks.taken()
        with Watch(*made.ours.pids) as watch:
            began = time.monotonic()
            wait_until(lambda: sinks.taken() >= taken, f"{taken} are taken", PATIENCE)
            run = (sinks.taken() - first, time.monotonic() - began)
        time.sleep(max(0.0, at_least - run[1]))
        sender_mb = max(memory_mb(made.ours.appliance.pid_of(name)) for name in SENDERS)
        stop.set()
        urgent.join()
        made.ours.appliance.stop()
    finally:
        stop.set()
        sinks.stop()
    return Run(*run, watch.cpu_s, watch.peak_mb), sender_mb


def _hand_in_urgent(port: int, stop: threading.Event) -> None:
    """A transactional message now and now until told to stop, each to another of the busy domains."""
    with smtplib.SMTP("127.0.0.1", port, "urgent.bench.test", 30, ("127.0.5.1", 0)) as client:
        number = 0
        while not stop.wait(EVERY):
            number += 1
            to = f"buyer{number}@{DOMAINS[number % len(DOMAINS)]}"
            text = f"From: {SENDER}\r\nTo: {to}\r\nSubject: Your order {number}\r\n\r\nIt is on its way.\r\n"
            client.sendmail(SENDER, [to], text)


def _urgent(stores: Stores) -> list[float]:
    return backlog_rows.first_attempts(stores, URGENT)


def _idle(made: World, stores: Stores, seconds: int) -> tuple[float, float]:
    """Cores that all processes use together while nothing is due, and the busier sender."""
    deferred = backlog_rows.defer_all(stores)
    made.ours.appliance.start()
    time.sleep(5.0)  # starting is not idling
    before = made.ours.spent()
    whole = cpu_seconds(made.ours.appliance.pid)
    time.sleep(seconds)
    used = (cpu_seconds(made.ours.appliance.pid) - whole) / seconds
    each = {part: round((spent - before[part]) / seconds, 4) for part, spent in made.ours.spent().items()}
    print(f"idle with {deferred} deferred: {used:.4f} cores: {each}", flush=True)
    return used, max(sum(cores for part, cores in each.items() if part.startswith(name)) for name in SENDERS)


def _result(found: dict[str, dict[str, Seen]], rows: int) -> dict[str, Any]:
    checks = {}
    for name, seen in found.items():
        small, large = seen["small"], seen["large"]
        told = large.told()
        checks |= {
            f"{name}: rate within 20 % of that with {SMALL} rows": large.run.rate >= 0.8 * small.run.rate,
            f"{name}: a sender under 250 MB": large.sender_mb < 250,
            f"{name}: first attempt of transactional mail under 2 s (p99)": told["urgent_p99_s"] < 2,
            f"{name}: idle, a sender under 2 % of a core": large.idle_sender < 0.02,
        }
    return {
        "bench": "backlog", "rows": rows, "ours": found["sqlite"]["large"].told(), "peers": {}, "ratios": {},
        "databases": {name: {size: one.told() for size, one in seen.items()} for name, seen in found.items()},
        "fsync_ms": fsync_ms(), "load": load(), "checks": checks,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(*arguments(1_000_000, 8_000, 20, 2)))
