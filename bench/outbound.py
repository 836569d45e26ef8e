"""A campaign to 40 domains, ours against Postfix relaying the same messages, both into smtp-sink on this machine.

Ours: import and launch by the API, then each message rendered, signed twice, sent and settled; measured from the launch
to the last settled row. Postfix: takes the same messages ready-made over SMTP and relays them, unsigned; measured from
the first to the last at the sinks, so it neither renders nor signs. Alternating, three pairs; then one site alone.
`make bench NAME=outbound ARGS=messages` prints a line a run and one JSON object at the end.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim

from measure.ours import DOMAIN, Ours, name_of
from measure.processes import Watch
from measure.relay import Relay
from measure.report import Run, finish, fsync_ms, ratio, scratch, side
from measure.sinks import Sinks
from peers.loopback import free_port, wait_until
from peers.names import Names, record

DOMAINS = [f"d{number:02}.test" for number in range(40)]
ONE_SITE = DOMAINS[:1]
PAIRS = 3
SAMPLE = 40


def main(messages: int) -> int:
    folder, port, relay_port = scratch(), free_port(), free_port()
    hosts = {domain: (f"127.0.4.{number}", port) for number, domain in enumerate(DOMAINS, 1)}
    names = Names(folder / "names", _zone(hosts))
    ours, relay = Ours(folder / "ours", names, port), Relay(relay_port, hosts)
    try:
        relay.start()
        sample, checks = _signed_sample(ours, folder, port)
        audiences = {"domains": _addresses(DOMAINS, messages), "one site": _addresses(ONE_SITE, messages // 2)}
        runs: dict[str, dict[str, list[Run]]] = {}
        for name, addresses in audiences.items():
            audience = ours.import_list(name, addresses)
            mails = list(_ready_made(sample, addresses))
            runs[name] = {"ours": [], "postfix": []}
            for _ in range(PAIRS):
                _pair(ours, relay, audience, mails, runs[name], (folder, port), checks)
    finally:
        relay.stop()
        ours.stop()
        names.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return finish(_result(runs, checks, ours.settings, len(sample)))


def _pair(
    ours: Ours, relay: Relay, audience: str, mails: list[tuple[str, bytes]], runs: dict[str, list[Run]],
    where: tuple[Path, int], checks: dict[str, bool],
) -> None:  # fmt: skip
    """Ours, then Postfix, each into fresh sinks."""
    folder, port = where
    for name, pid in (("ours", ours.appliance.pid), ("postfix", relay.pid)):
        sinks = Sinks(len(DOMAINS), port, folder)
        try:
            before = sinks.taken()
            with Watch(pid) as watch:
                began = time.monotonic()
                if name == "ours":
                    counts = ours.send(audience)
                    checks["every row of ours is delivered"] &= counts == {"delivered": len(mails)}
                else:
                    relay.hand_in(mails)
                wait_until(lambda s=sinks, n=before: s.taken() - n >= len(mails), f"the sinks took all of {name}", 300)
                seconds = time.monotonic() - began
            checks[f"sinks took each message of {name} once"] &= sinks.taken() - before == len(mails)
        finally:
            sinks.stop()
        runs[name].append(Run(len(mails), seconds, watch.cpu_s, watch.peak_mb))
        print(f"{name:8} {len(mails):6} messages {runs[name][-1]}", flush=True)


def _signed_sample(ours: Ours, folder: Path, port: int) -> tuple[bytes, dict[str, bool]]:
    """A small campaign into sinks that keep: one message to relay, unsigned, and whether all signatures verify."""
    kept = folder / "kept"
    kept.mkdir()
    sinks = Sinks(len(DOMAINS), port, folder, keep_in=kept)
    try:
        ours.send(ours.import_list("sample", _addresses(DOMAINS, SAMPLE)))
        wait_until(lambda: sinks.taken() == SAMPLE, "the sinks took the sample")
    finally:
        sinks.stop()
    messages = [_as_sent(file.read_bytes()) for file in kept.iterdir()]
    keys = {
        one["host"]: one["value"]
        for one in ours.appliance.api().get("/domains", params={"project": "bench"}).json()["items"][0]["records"]
    }
    good = [
        dkim.DKIM(message).verify(idx=at, dnsfunc=lambda name, timeout=5: keys[name.decode().rstrip(".")])
        for message in messages
        for at in (0, 1)
    ]
    checks = {
        "DKIM of the sample verifies, both signatures": len(good) == 2 * SAMPLE and all(good),
        "every row of ours is delivered": True,
        "sinks took each message of ours once": True,
        "sinks took each message of postfix once": True,
    }
    return _unsigned(next(message for message in messages if b"reader0@" in message)), checks


def _as_sent(dump: bytes) -> bytes:
    """The message out of smtp-sink's dump: without its X- lines and its Received, with CRLF."""
    lines = dump.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    while lines[0].startswith((b"X-", b"Received:", b"\t")):
        del lines[0]
    return b"\r\n".join(lines)


def _unsigned(message: bytes) -> bytes:
    signed = dkim.DKIM(message)
    kept = [name + b":" + value for name, value in signed.headers if name.lower() != b"dkim-signature"]
    return b"".join(kept) + b"\r\n" + signed.body


def _ready_made(sample: bytes, addresses: list[str]) -> Iterator[tuple[str, bytes]]:
    """The sample for each address, with its name and a Message-ID of its own, dot-stuffed."""
    head, _, _ = sample.partition(b"\r\n\r\n")
    message_id = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:"))
    stuffed = sample.replace(b"\r\n.", b"\r\n..")
    for number, address in enumerate(addresses):
        fresh = stuffed.replace(message_id, f"Message-ID: <{number}@{DOMAIN}>".encode(), 1)
        yield address, fresh.replace(b"Reader0", name_of(address).encode())


def _addresses(domains: list[str], count: int) -> list[str]:
    return [f"reader{number}@{domains[number % len(domains)]}" for number in range(count)]


def _name(address: str) -> str:
    return address.partition("@")[0].title()


def _zone(hosts: dict[str, tuple[str, int]]) -> Iterator[dict[str, str]]:
    for domain, (address, _) in hosts.items():
        yield dict(record(domain, "MX", f"10 mx.{domain}."))
        yield dict(record(f"mx.{domain}", "A", address))


def _result(runs: dict[str, dict[str, list[Run]]], checks: dict[str, bool], settings: str, size: int) -> dict[str, Any]:
    domains, one = runs["domains"], runs["one site"]
    return {
        "bench": "outbound",
        "ours": side(domains["ours"]),
        "peers": {"postfix": side(domains["postfix"])},
        "ratios": {"postfix": ratio(domains["ours"], domains["postfix"])},
        "one_site": {name: round(statistics.median(run.rate for run in each), 1) for name, each in one.items()},
        "message_bytes": size,
        "fsync_ms": fsync_ms(),
        "settings": settings,
        "checks": checks,
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000))
