"""Mails on their way into a mailbox or out of it: as files or another server hold them.

`place` names where a letter was found, as people look for it: a file and an octet of it, or a folder and a UID.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """`date` is aware; None where nothing tells it."""

    place: str
    octets: bytes
    flags: tuple[str, ...]
    date: datetime | None
    number: int = 0  # its UID, where another server has it


@dataclass(frozen=True, slots=True)
class Unfit:
    """One that cannot be taken, and why."""

    place: str
    words: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Bag:
    """The letters of one folder; `octets` is about what they have together, for a bar."""

    folder: str
    octets: int
    letters: Iterator[Letter | Unfit]


@dataclass(frozen=True, slots=True)
class Moved:
    """Of a folder of another server: `elsewhere` mails are in it, `before` of them were read by earlier runs.

    The others are what `tally` says; `elsewhere` is `before` and its `found` together. Earlier runs refused
    `refused_before`.
    """

    source: str
    elsewhere: int
    before: int
    refused_before: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the letters of a folder: `found` is the sum of `filed`, `known` and `refused`.

    `known` were in the folder before; `missing` are not there though they should be: 0, or something is wrong.
    """

    folder: str
    found: int = 0
    filed: int = 0
    known: int = 0
    refused: int = 0
    octets: int = 0
    missing: int = 0
