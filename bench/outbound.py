"""A campaign to 40 domains, ours against Postfix with and without a signer, all into smtp-sink on this machine.

Ours: each message rendered for its client with six variables, an unsubscribe link and a VERP of its own, signed twice
(RSA-2048, Ed25519), sent and settled; timed from the first claimed row (the making of the other rows goes on beside it)
to the last settled one, its CPU from the launch on. A peer takes the same messages ready-made over SMTP, signs them
(RSA-2048) where it has a signer, and relays them; timed from the first session that hands in to the last at the sinks.
Alternating; then one site alone, then ours over TLS.
`make bench NAME=outbound ARGS="messages pairs"` (--slow-fsync: all fsync 2 ms slower) prints a line a run and one JSON
object at the end.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from measure import sample
from measure.hosts import Hosts
from measure.letter import addresses, variables
from measure.ours import DOMAIN
from measure.processes import Watch
from measure.relay import PEERS, TUNED, Relay, missing
from measure.report import Run, finish, fsync_ms, load, ratio, side
from measure.sinks import Sinks
from measure.slow_disk import arguments
from measure.world import DOMAINS, World, world
from peers.loopback import wait_until

PATIENCE = 900  # seconds for one run
Runs = dict[str, list[Run]]


@dataclass
class Bench:
    """Who runs, and what was found so far."""

    world: World
    relays: dict[str, Relay]
    checks: dict[str, bool] = field(default_factory=dict)
    where: dict[str, float] = field(default_factory=dict)  # CPU s per 1000 of each of our processes in the last run

    def check(self, name: str, true: bool) -> None:
        self.checks[name] = self.checks.get(name, True) and true


def main(messages: int, pairs: int) -> int:
    absent = {name: program for name in PEERS if (program := missing(name))}
    for name, program in absent.items():
        print(f"{name}: not measured, {program} is not installed")
    with world() as made, ExitStack() as stack:
        relays = {name: Relay(name, DOMAIN, made.hosts) for name in PEERS if name not in absent}
        for relay in relays.values():
            stack.callback(relay.stop)
        bench = Bench(made, relays)
        ready = _sampled(bench, min(200, max(40, messages // 20)))
        sinks = Sinks(made.port, made.folder)
        try:
            domains = _alternated(bench, sinks, DOMAINS, messages, pairs, ready)
            where = bench.where
            one_site = _alternated(bench, sinks, DOMAINS[:1], messages // 2, 1, ready)
        finally:
            sinks.stop()
        tls = _over_tls(bench, messages, pairs)
        return finish(_result(bench, domains, one_site, tls, len(ready), absent) | {"where": where})


def _alternated(bench: Bench, sinks: Sinks, domains: list[str], count: int, pairs: int, ready: bytes) -> Runs:
    """Ours, then each peer, and again."""
    audience = addresses(domains, count)
    imported = bench.world.ours.import_list(f"{len(domains)} domains", audience)
    mails = list(_ready_made(ready, audience))
    runs: Runs = {"ours": [], **{name: [] for name in bench.relays}}
    for _ in range(pairs):
        runs["ours"].append(_ours(bench, sinks, imported, count, f"ours, {len(domains)} domains"))
        for name, relay in bench.relays.items():
            run = _measured(bench, name, sinks, count, relay.pids, partial(_handed_in, relay, mails))
            runs[name].append(run)
    return runs


def _ours(bench: Bench, hosts: Sinks | Hosts, audience: str, count: int, name: str) -> Run:
    ours = bench.world.ours
    campaign = ours.draft(audience)

    def launch() -> float:
        ours.launch(campaign)
        return ours.first_claim()

    def settled() -> None:
        bench.check("every row of ours is delivered", ours.settled(campaign) == {"delivered": count})

    before = ours.spent()
    run = _measured(bench, name, hosts, count, ours.pids, launch, settled)
    bench.where = {part: round(1000 * (spent - before[part]) / count, 3) for part, spent in ours.spent().items()}
    print(f"{'':18} CPU s per 1000: {bench.where}", flush=True)
    return run


def _measured(
    bench: Bench, name: str, hosts: Sinks | Hosts, count: int, pids: tuple[int, ...], act: Callable[[], float],
    settled: Callable[[], None] = lambda: None,
) -> Run:  # fmt: skip
    """`act` returns the moment from which it is timed; `settled` what is to be waited for behind the hosts."""
    before = hosts.taken()
    with Watch(*pids) as watch:
        began = act()
        wait_until(lambda: hosts.taken() - before >= count, f"the hosts took all of {name}", PATIENCE, 0.02)
        settled()
        seconds = time.monotonic() - began
    bench.check(f"the hosts took each message of {name.partition(',')[0]} once", hosts.taken() - before == count)
    run = Run(count, seconds, watch.cpu_s, watch.peak_mb)
    print(f"{name:18} {count:6} messages {run}  load {load()}", flush=True)
    return run


def _handed_in(relay: Relay, mails: list[tuple[str, bytes]]) -> float:
    began = time.monotonic()
    relay.hand_in(mails)
    return began


def _over_tls(bench: Bench, count: int, pairs: int) -> Runs:
    """Ours to hosts of one process in the clear and with STARTTLS, alternating."""
    imported = bench.world.ours.import_list("TLS", addresses(DOMAINS, count, "secure"))
    runs: Runs = {"clear": [], "tls": []}
    for _ in range(pairs):
        for name, kept in runs.items():
            hosts = Hosts(bench.world.port, bench.world.folder, tls=name == "tls")
            try:
                kept.append(_ours(bench, hosts, imported, count, f"ours, {name}"))
            finally:
                hosts.stop()
    return runs


def _sampled(bench: Bench, count: int) -> bytes:
    """Every side sends `count` into sinks that keep them: signatures and differences; one of ours, unsigned."""
    ours, audience = bench.world.ours, addresses(DOMAINS, count)
    imported = ours.import_list("sample", audience)
    messages = _kept(bench, "ours", count, lambda: ours.send(ours.draft(imported)))
    _judge(bench, "ours", messages, ours.keys(), 2)
    ready = sample.unsigned(next(message for message in messages if b"reader0@" in message))
    for name, relay in bench.relays.items():
        mails = list(_ready_made(ready, audience))
        messages = _kept(bench, name, count, lambda relay=relay, mails=mails: relay.hand_in(mails))
        _judge(bench, name, messages, relay.keys(), relay.signatures)
    return ready


def _kept(bench: Bench, name: str, count: int, act: Callable[[], object]) -> list[bytes]:
    kept = bench.world.folder / f"kept-{name}"
    kept.mkdir()
    sinks = Sinks(bench.world.port, bench.world.folder, keep_in=kept)
    try:
        act()
        wait_until(lambda: sinks.taken() == count, f"the sinks took the sample of {name}", 60)
    finally:
        sinks.stop()
    return sample.of_folder(kept)


def _judge(bench: Bench, name: str, messages: list[bytes], keys: dict[str, bytes], signatures: int) -> None:
    told = f"{len(messages)} of {name} taken from the sinks: "
    bench.check(told + f"{signatures} signatures verify", sample.verified(messages, keys, signatures))
    bench.check(told + "all differ", sample.different(messages))


def _ready_made(ready: bytes, audience: list[str]) -> Iterator[tuple[str, bytes]]:
    """The sample for each address, with its variables and a Message-ID of its own, dot-stuffed."""
    head, _, _ = ready.partition(b"\r\n\r\n")
    message_id = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:"))
    stuffed = ready.replace(b"\r\n.", b"\r\n..")
    first = audience[0]
    old = [first, *variables(first).values()]
    for number, address in enumerate(audience):
        fresh = stuffed.replace(message_id, f"Message-ID: <{number}@{DOMAIN}>".encode(), 1)
        for was, new in zip(old, (address, *variables(address).values()), strict=True):
            fresh = fresh.replace(was.encode(), new.encode())
        yield address, fresh


def _result(
    bench: Bench, domains: Runs, one_site: Runs, tls: Runs, size: int, absent: dict[str, str]
) -> dict[str, Any]:
    ours = domains.pop("ours")
    peers = {name: side(runs) for name, runs in domains.items()}
    signing = [name for name in peers if bench.relays[name].signatures]
    pair = max(signing, key=lambda name: peers[name]["rate"], default=None)
    return {
        "bench": "outbound",
        "ours": side(ours),
        "peers": peers,
        "ratios": {name: ratio(ours, runs) for name, runs in domains.items()},
        "pair": pair,
        "one_site": {name: round(statistics.median(run.rate for run in each), 1) for name, each in one_site.items()},
        "tls": {**{name: side(runs) for name, runs in tls.items()}, "ratio": ratio(tls["tls"], tls["clear"])},
        "message_bytes": size,
        "fsync_ms": fsync_ms(),
        "load": load(),
        "not_measured": absent,
        "settings": {"ours": bench.world.ours.settings, "peers": TUNED},
        "checks": bench.checks,
    }


if __name__ == "__main__":
    sys.exit(main(*arguments(20_000, 3)))
