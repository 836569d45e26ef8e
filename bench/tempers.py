"""A campaign of which a tenth is deferred and a twentieth refused, against the same one to hosts that take all.

No peer is measured: the figure is our throughput, as recipients answered in a second, with tempers and without,
alternating; at least 0.8 is asked for. Timed from the launch to the answer to the last recipient's first attempt, at
the hosts: what is deferred is due again in five minutes, after the run. The hosts are one process of our own.
`make bench NAME=tempers ARGS="messages pairs"`.
"""

from __future__ import annotations

import statistics
import sys
import time

from measure.hosts import Hosts
from measure.letter import addresses
from measure.processes import Watch
from measure.report import Run, finish, fsync_ms, load, ratio, side
from measure.slow_disk import arguments
from measure.world import DOMAINS, World, world
from peers.loopback import wait_until

DEFER, REFUSE = 10, 5
LEAST = 0.8
PATIENCE = 600


def main(messages: int, pairs: int) -> int:
    with world() as made:
        runs: dict[str, list[Run]] = {"clean": [], "tempered": []}
        seen = []
        for number in range(pairs):
            for name, kept in runs.items():
                # New people each time: who was refused once is not written to again.
                audience = made.ours.import_list(f"{name} {number}", addresses(DOMAINS, messages, f"{name}{number}x"))
                run, counts = _measured(made, name, audience, messages)
                kept.append(run)
                if name == "tempered":
                    seen.append(counts)
        share = ratio(runs["tempered"], runs["clean"])
        deferred = statistics.mean(counts[1] for counts in seen) / messages
        refused = statistics.mean(counts[2] for counts in seen) / messages
        return finish({
            "bench": "tempers", "ours": side(runs["tempered"]), "clean": side(runs["clean"]), "peers": {},
            "ratios": {}, "of_clean": share, "deferred": round(deferred, 3), "refused": round(refused, 3),
            "fsync_ms": fsync_ms(), "load": load(), "settings": made.ours.settings,
            "checks": {
                "nobody was asked twice": all(sum(counts) == messages for counts in seen),
                "about a tenth was deferred": 0.07 < deferred < 0.13,
                "about a twentieth was refused": 0.03 < refused < 0.07,
                f"at least {LEAST} of the clean throughput": share >= LEAST,
            },
        })  # fmt: skip


def _measured(made: World, name: str, audience: str, messages: int) -> tuple[Run, tuple[int, int, int]]:
    tempers = (DEFER, REFUSE) if name == "tempered" else (0, 0)
    hosts = Hosts(made.port, made.folder, *tempers)
    campaign = made.ours.draft(audience)
    try:
        with Watch(*made.ours.pids) as watch:
            began = time.monotonic()
            made.ours.launch(campaign)
            wait_until(lambda: sum(hosts.counts()) >= messages, f"everybody was tried, {name}", PATIENCE)
            seconds = time.monotonic() - began
        if name == "tempered":
            made.ours.cancel(campaign)  # the deferred ones shall not come into a later run
        time.sleep(2.0)
        run = Run(messages, seconds, watch.cpu_s, watch.peak_mb)
        print(f"{name:10} {messages:6} messages {run}  load {load()}", flush=True)
        return run, hosts.counts()
    finally:
        hosts.stop()


if __name__ == "__main__":
    sys.exit(main(*arguments(20_000, 3)))
