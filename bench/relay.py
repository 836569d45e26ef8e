"""Mail handed in over SMTP by smtp-source, signed and delivered: our submission and sender against Postfix's pairs.

Ours takes it as a trusted connection, keeps it, answers 250 once it is durable, signs (RSA-2048 and Ed25519) and sends;
a peer does the same with its signer. One smtp-source for each of 40 domains, one session each, 10 kB a message;
measured from the first to the last at the sinks. Alternating.
`make bench NAME=relay ARGS="messages pairs"` (--slow-fsync: all fsync 2 ms slower).
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Final

from measure import sample
from measure.ours import DOMAIN, SENDER, Ours
from measure.processes import Watch
from measure.relay import PEERS, TUNED, Relay, missing
from measure.report import Run, finish, fsync_ms, load, ratio, side
from measure.sinks import Sinks
from measure.slow_disk import arguments
from measure.world import DOMAINS, World, world
from peers import need
from peers.loopback import wait_until

LENGTH: Final = "10000"
PATIENCE = 600


def main(messages: int, pairs: int) -> int:
    absent = {name: program for name in PEERS if (program := missing(name))}
    each = max(1, messages // len(DOMAINS))
    with world() as made, ExitStack() as stack:
        relays = {name: Relay(name, DOMAIN, made.hosts) for name in PEERS if name not in absent}
        for relay in relays.values():
            stack.callback(relay.stop)
        ours: dict[str, Ours | Relay] = {"ours": made.ours}
        sides = ours | relays
        ports = {name: one.submission if isinstance(one, Ours) else one.port for name, one in sides.items()}
        checks, where = {}, {}
        for name, one in sides.items():
            signatures = 2 if isinstance(one, Ours) else one.signatures
            checks |= _sampled(made, name, ports[name], one.keys(), signatures)
        runs: dict[str, list[Run]] = {name: [] for name in sides}
        sinks = Sinks(made.port, made.folder)
        try:
            for _ in range(pairs):
                for name, one in sides.items():
                    before = made.ours.spent() if name == "ours" else {}
                    run, exact = _measured(sinks, name, ports[name], one.pids, each)
                    runs[name].append(run)
                    if before:
                        after = made.ours.spent()
                        where = {
                            part: round((spent - before[part]) / run.messages * 1000, 3)
                            for part, spent in after.items()
                        }
                        print(f"{'':17} CPU s per 1000: {where}", flush=True)
                    told = f"the sinks took each message of {name} once"
                    checks[told] = checks.get(told, True) and exact
        finally:
            sinks.stop()
        mine = runs.pop("ours")
        return finish({
            "bench": "relay", "ours": side(mine), "peers": {name: side(kept) for name, kept in runs.items()},
            "ratios": {name: ratio(mine, kept) for name, kept in runs.items()}, "fsync_ms": fsync_ms(),
            "load": load(), "not_measured": absent, "settings": {"ours": made.ours.settings, "peers": TUNED},
            "where": where, "checks": checks,
        })  # fmt: skip


def _hand_in(port: int, each: int) -> None:
    """smtp-source for every domain at once; returns when all have been answered."""
    program = need.program("smtp-source", "postfix")
    fixed = [program, "-4", "-d", "-N", "-s", "1", "-l", LENGTH, "-M", "driver.bench.test", "-f", SENDER]
    started = [
        subprocess.Popen([*fixed, "-m", str(each), "-t", f"reader@{domain}", f"127.0.0.1:{port}"]) for domain in DOMAINS
    ]
    statuses = [process.wait() for process in started]
    if any(statuses):
        raise AssertionError("smtp-source was refused; its stderr says why")


def _measured(sinks: Sinks, name: str, port: int, pids: tuple[int, ...], each: int) -> tuple[Run, bool]:
    before, count = sinks.taken(), each * len(DOMAINS)
    with Watch(*pids) as watch:
        began = time.monotonic()
        _hand_in(port, each)
        accepted = time.monotonic() - began
        wait_until(lambda: sinks.taken() - before >= count, f"the sinks took all of {name}", PATIENCE)
        seconds = time.monotonic() - began
        # Ours has still to settle what the sinks have taken: its CPU counts too.
        time.sleep(1.0)
    run = Run(count, seconds, watch.cpu_s, watch.peak_mb)
    print(f"{name:17} {count:6} messages {run}  accepted {count / accepted:.0f}/s  load {load()}", flush=True)
    return run, sinks.taken() - before == count


def _sampled(made: World, name: str, port: int, keys: dict[str, bytes], signatures: int) -> dict[str, bool]:
    kept = made.folder / f"kept-{name}"
    kept.mkdir()
    sinks = Sinks(made.port, made.folder, keep_in=kept)
    try:
        _hand_in(port, 1)
        wait_until(lambda: sinks.taken() == len(DOMAINS), f"the sinks took the sample of {name}", 60)
    finally:
        sinks.stop()
    messages = sample.of_folder(kept)
    told = f"{len(messages)} of {name} taken from the sinks: {signatures} signatures verify"
    return {told: len(messages) == len(DOMAINS) and sample.verified(messages, keys, signatures)}


if __name__ == "__main__":
    sys.exit(main(*arguments(10_000, 3)))
