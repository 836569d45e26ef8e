"""The zone of the lab: records as people paste them, answers as a resolver wants them.

Pure but for `read_zone`. lab/nameserver.py serves it, lab/world.py writes it. Records have the three fields
{"host", "type", "value"}, the value in presentation form (RFC 1035 §5.1), every name absolute with or without its
final dot; a TXT value may be one bare string of any length, it is cut into strings of 255 octets (§3.3.14).
Raises BadZoneError, which names the record and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import msgspec

TYPES: Final = ("A", "AAAA", "MX", "TXT", "CNAME", "PTR", "NS", "CAA", "TLSA", "SRV")
_CHAIN: Final = 8  # CNAMEs followed in one answer
_STRING: Final = 255  # octets of one string of a TXT record


class BadZoneError(Exception):
    """A zone file that cannot be served: which record, what is wrong, what would be right."""


class Fault(Enum):
    """How a name may misbehave instead of answering."""

    SERVFAIL = "SERVFAIL"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a zone; `value` in presentation form, TXT also bare."""

    host: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A zone as its file holds it: records, and the names that misbehave."""

    records: tuple[Record, ...] = ()
    faults: Mapping[str, Fault] = field(default_factory=dict)
    ttl: int = 1  # seconds; short, since tests change the world under the appliance


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said about one question: `records` as (owner, type number, wire data); `exists` False is NXDOMAIN."""

    records: tuple[tuple[str, int, bytes], ...]
    exists: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone ready to answer: (owner, type number) -> wire data; names are lower case without final dot."""

    data: Mapping[tuple[str, int], tuple[bytes, ...]]
    aliases: Mapping[str, str]
    names: frozenset[str]
    faults: Mapping[str, Fault]
    ttl: int

    def answer(self, name: str, kind: int) -> Answer:
        """The records of that name and type, CNAMEs followed within the zone (RFC 1034 §4.3.2)."""
        owner, found = plain(name), list[tuple[str, int, bytes]]()
        exists = owner in self.names
        for _ in range(_CHAIN):
            found += [(owner, kind, data) for data in self.data.get((owner, kind), ())]
            target = self.aliases.get(owner)
            if target is None or kind == dns.rdatatype.CNAME:
                break
            found += [(owner, int(dns.rdatatype.CNAME), data) for data in self.data[(owner, int(dns.rdatatype.CNAME))]]
            owner = target
        return Answer(tuple(found), exists)


def plain(name: str) -> str:
    """A name as the zone keeps it: lower case, no final dot."""
    return name.rstrip(".").lower()


def read_zone(path: Path) -> Zone:
    """The zone of a JSON file. Raises BadZoneError, naming the file."""
    try:
        return zone_of(msgspec.json.decode(path.read_bytes(), type=Sheet))
    except (msgspec.DecodeError, OSError, BadZoneError) as error:
        raise BadZoneError(f"zone file {path}: {error}") from error


def write_zone(path: Path, sheet: Sheet) -> None:
    """Replace the file in one step, so that the name server reads the old zone or the new one, never half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(sheet))
    fresh.replace(path)


def zone_of(sheet: Sheet) -> Zone:
    """Records turned to wire form. Raises BadZoneError for a type that is not served or a value that does not parse."""
    gathered: dict[tuple[str, int], list[bytes]] = {}
    aliases = {}
    for record in sheet.records:
        kind, data = _wire(record)
        same = gathered.setdefault((plain(record.host), kind), [])
        if data not in same:
            same.append(data)
        if record.type == "CNAME":
            aliases[plain(record.host)] = plain(record.value)
    return Zone(
        data={key: tuple(values) for key, values in gathered.items()},
        aliases=aliases,
        names=frozenset(_with_parents(owner for owner, _ in gathered)),
        faults={plain(name): fault for name, fault in sheet.faults.items()},
        ttl=sheet.ttl,
    )


def _with_parents(owners: Iterable[str]) -> Iterable[str]:
    """Each owner and the empty non-terminals above it: they exist too (RFC 8020)."""
    for owner in owners:
        labels = owner.split(".")
        for at in range(len(labels)):
            yield ".".join(labels[at:])


def _wire(record: Record) -> tuple[int, bytes]:
    if record.type not in TYPES:
        raise BadZoneError(f"{record.host} {record.type}: type not served; it must be one of {', '.join(TYPES)}")
    kind = dns.rdatatype.from_text(record.type)
    text = _strings(record.value) if record.type == "TXT" else record.value
    try:
        data = dns.rdata.from_text(dns.rdataclass.IN, kind, text, origin=dns.name.root, relativize=False).to_wire()
    except dns.exception.DNSException as error:
        raise BadZoneError(f"{record.host} {record.type} {record.value!r}: {error}") from error
    return int(kind), data or b""


def _strings(value: str) -> str:
    """A TXT value as quoted strings of at most 255 octets; one that is quoted already stays as it stands."""
    if value.startswith('"'):
        return value
    octets = value.encode()
    pieces = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)] or [b""]
    return " ".join('"' + "".join(_escaped(octet) for octet in piece) + '"' for piece in pieces)


def _escaped(octet: int) -> str:
    return chr(octet) if 0x20 <= octet < 0x7F and octet not in b'"\\' else f"\\{octet:03d}"
