"""The published suites for SPF, ARC and organizational domains, where ../shared/corpora/auth is; and a zone to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import yaml

from mta.inbound.lookups import Ask
from peers.need import lacking

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "auth"


def scenarios(file: str) -> Iterator[dict[str, Any]]:
    """The YAML documents of a suite; the test is skipped by name without it."""
    if not (CORPUS / file).exists():
        lacking(f"../shared/corpora/auth/{file}")
    yield from yaml.safe_load_all((CORPUS / file).read_text("utf-8"))


def asking(zone: Mapping[tuple[str, str], Sequence[Any] | None]) -> Ask:
    """Answers from (name, type) -> records; None is a server that does not answer."""

    def ask(name: str, kind: str) -> list[Any] | None:
        found = zone.get((name.rstrip(".").lower(), kind), ())
        return None if found is None else list(found)

    return ask


def record(kind: str, text: str) -> Any:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, relativize=False)


def txt(*strings: str | bytes) -> Any:
    """A TXT record of these strings, each cut to pieces of 255 octets."""
    pieces: list[bytes] = []
    for one in strings:
        octets = one.encode("utf-8", "surrogateescape") if isinstance(one, str) else one
        pieces += [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
    pieces = pieces or [b""]
    quoted = " ".join('"' + "".join(f"\\{octet:03d}" for octet in piece) + '"' for piece in pieces)
    return record("TXT", quoted)
