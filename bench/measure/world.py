"""What the outbound benches share: 40 domains on loopback, their name server, our appliance, in a scratch folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure.ours import Ours
from measure.report import scratch
from measure.sinks import FIRST, SINKS
from peers.loopback import free_port
from peers.names import Names, record

DOMAINS = [f"d{number:02}.test" for number in range(40)]


@dataclass(frozen=True)
class World:
    """`hosts`: address and port of each domain's MX."""

    folder: Path
    names: Names
    port: int
    hosts: dict[str, tuple[str, int]]
    ours: Ours


@contextmanager
def world(database: str = "") -> Iterator[World]:
    """Running, until the block ends."""
    folder, port = scratch(), free_port()
    hosts = {domain: (f"{FIRST}{1 + number % SINKS}", port) for number, domain in enumerate(DOMAINS)}
    names = Names(folder / "names", _zone(hosts))
    ours = None
    try:
        ours = Ours(folder / "ours", names, port, database)
        yield World(folder, names, port, hosts, ours)
    finally:
        if ours is not None:
            ours.stop()
        names.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _zone(hosts: dict[str, tuple[str, int]]) -> Iterator[dict[str, str]]:
    for domain, (address, _) in hosts.items():
        yield dict(record(domain, "MX", f"10 mx.{domain}."))
        yield dict(record(f"mx.{domain}", "A", address))
