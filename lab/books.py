"""The world's own books: what each host took, refused and sent back, one JSON line each, written before the reply.

lab/hosts.py writes them (one process, one file, opened to append); the driver and tests read them with `entries`
while they grow. Synchronous. A line is in the kernel before the host says 250, so it outlives the process: after a
kill the next process reads the file and goes on counting copies. A half line at the end of the file is not read yet.
Raises OSError when the file cannot be written, msgspec.ValidationError when a line is none of ours.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


class Taken(msgspec.Struct, frozen=True, tag="taken", tag_field="what"):
    """A host said 250 and keeps the mail; `copy` counts (recipient, Message-ID) from 1."""

    at: float  # seconds since 1970
    host: str
    source: str
    ehlo: str
    tls: str  # the TLS version, "" in clear
    connection: int
    nth: int  # the how-manieth message of the connection
    recipient: str
    reverse_path: str
    message_id: str
    subject: str  # as it stands in the header
    size: int
    copy: int


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="what"):
    """A host refused a recipient or, with a code of 4xx, deferred it."""

    at: float
    host: str
    source: str
    ehlo: str
    recipient: str
    reverse_path: str
    code: int
    text: str
    cause: str


class SentBack(msgspec.Struct, frozen=True, tag="back", tag_field="what"):
    """Something went back to the appliance; `code` is its final answer, 0 when there was none."""

    at: float
    host: str
    kind: str
    cause: str
    person: str
    forward_path: str
    message_id: str
    about: str  # the Message-ID that it is about
    code: int
    text: str


class Closed(msgspec.Struct, frozen=True, tag="closed", tag_field="what"):
    """A connection ended."""

    at: float
    host: str
    source: str
    ehlo: str
    tls: str
    connection: int
    messages: int


Entry = Taken | Refused | SentBack | Closed


@dataclass(slots=True)
class Sums:
    """What the books add up to, for progress."""

    taken: int = 0
    copies: int = 0  # beyond the first
    deferred: int = 0
    refused: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    back: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count one more entry."""
        match entry:
            case Taken():
                self.taken += 1
                self.copies += entry.copy > 1
                self.sources[entry.source] += 1
            case Refused():
                self.deferred += entry.code < 500
                self.refused += entry.code >= 500
            case SentBack():
                self.back[entry.kind] += 1
            case Closed():
                pass


class Books:
    """The books as their one writer holds them."""

    def __init__(self, path: Path) -> None:
        """Opens or goes on with the file; what a killed writer left half written is cut off."""
        self.sums = Sums()
        self._copies: dict[int, int] = {}  # by hash: a million mails cost 100 MB less than with their names
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        whole = path.read_bytes().rpartition(b"\n")
        os.ftruncate(self._file, len(whole[0]) + len(whole[1]))
        for entry in entries(path):
            self.sums.add(entry)
            if isinstance(entry, Taken):
                self._copies[hash((entry.recipient, entry.message_id))] = entry.copy

    def copy(self, recipient: str, message_id: str) -> int:
        """Which copy the next one of this mail for this recipient is, from 1."""
        key = hash((recipient, message_id))
        self._copies[key] = nth = self._copies.get(key, 0) + 1
        return nth

    def write(self, entry: Entry) -> None:
        """Append one line; it is out of this process when this returns."""
        self.sums.add(entry)
        os.write(self._file, msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        """Nothing is written after this."""
        os.close(self._file)


def entries(path: Path) -> Iterator[Entry]:
    """Every whole line of the books so far."""
    decoder = msgspec.json.Decoder(Entry)
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield decoder.decode(line)
