"""What the world is: its mail hosts with their tempers, and its people with their fates, as values and as JSON.

Pure. lab/people.py makes one from a seed, lab/world.py writes it to a file, lab/hosts.py plays it, lab/reckoning.py
judges by it. A fate is what happens around one person in one chapter of the story (chapters count from 0); the last
fate of a person lasts to the end. Raises BadTemperError for a temper that a person mistyped.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Final

import msgspec


class BadTemperError(Exception):
    """A temper as a person wrote it that is none: which word, and what may stand there."""


class Fate(Enum):
    """What a person's mailbox and its owner do with mail in a chapter."""

    READS = "reads"  # the mail is taken, nothing comes back
    UNKNOWN = "unknown"  # nobody has this name
    SUSPENDED = "suspended"  # the provider closed the mailbox
    FULL = "full"  # over quota
    DELAYED = "delayed"  # taken, a warning about a delay comes, then it is there
    COMPLAINS = "complains"  # presses "this is spam"
    ANSWERS = "answers"  # writes back
    WRITES = "writes"  # takes mail, and writes of their own accord when the chapter begins
    AWAY = "away"  # an out-of-office reply
    WARY = "wary"  # a filter of theirs refuses the source address that the host distrusts
    REFUSED = "refused"  # for tests: the person exists and the host denies it
    LOST = "lost"  # for tests: the host says 250 and keeps nothing


class Style(Enum):
    """Whose words a host uses, in replies and in reports."""

    POSTFIX = "postfix"
    EXIM = "exim"
    EXCHANGE = "exchange"
    CARRIER = "carrier"


class Full(Enum):
    """How a host tells that a mailbox is over quota."""

    DEFERS = "452"  # 452 4.2.2 at RCPT, again and again
    REFUSES = "552"  # 552 5.2.2 at RCPT
    REPORTS = "later"  # takes the mail and sends a DSN


@dataclass(frozen=True, slots=True)
class Temper:
    """The manner of one host. 0 and "" switch a habit off."""

    style: Style = Style.POSTFIX
    starttls: bool = True
    greylist: int = 0  # attempts for a recipient that are deferred before one is taken
    busy: int = 0  # each busy-th connection is turned away with 421
    batch: int = 0  # messages a connection, then 421
    late: bool = False  # unknown and suspended mailboxes are told by a DSN, not at RCPT
    full: Full = Full.REFUSES
    distrusts: str = ""  # a source address that filters of wary people refuse
    blocks: str = ""  # a source address that is refused for everybody
    redacts: bool = False  # complaints do not name who complained
    everyone: bool = False  # people who are not listed are taken for readers (for benches)


@dataclass(frozen=True, slots=True)
class Host:
    """A mail host: its name, its loopback address, the domains whose MX it is, its temper."""

    name: str
    address: str
    domains: tuple[str, ...]
    temper: Temper


@dataclass(frozen=True, slots=True)
class Person:
    """Who a mailbox belongs to, and a fate a chapter."""

    address: str
    name: str
    fates: tuple[Fate, ...] = (Fate.READS,)

    def fate(self, chapter: int) -> Fate:
        """The fate in that chapter."""
        return self.fates[min(chapter, len(self.fates) - 1)]

    def exists(self) -> bool:
        """Whether the mailbox is there when the story ends."""
        return self.fates[-1] not in (Fate.UNKNOWN, Fate.SUSPENDED)


@dataclass(frozen=True, slots=True)
class World:
    """All hosts and all people; `seed` also moves what is random on the way, such as pauses before an answer."""

    seed: int
    hosts: tuple[Host, ...]
    people: tuple[Person, ...]


_YES: Final = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


def tempered(temper: Temper, habits: str) -> Temper:
    """The temper with habits changed as in `greylist=2,blocks=127.0.0.12`. Raises BadTemperError."""
    known = {entry.name for entry in fields(Temper)}
    changes: dict[str, object] = {}
    for habit in filter(None, habits.split(",")):
        name, _, value = habit.partition("=")
        if name not in known:
            raise BadTemperError(f"{name!r} is no habit of a host; known: {', '.join(sorted(known))}")
        changes[name] = _YES.get(value.lower(), value) if isinstance(getattr(temper, name), bool) else value
    try:
        whole = {**msgspec.to_builtins(temper), **changes}
        return msgspec.convert(whole, Temper, strict=False)
    except msgspec.ValidationError as error:
        raise BadTemperError(f"temper {habits!r}: {error}") from error


def with_temper(world: World, host: str, habits: str) -> World:
    """The world with one host's habits changed; the host by its name or a domain of its."""
    chosen = [one for one in world.hosts if host == one.name or host in one.domains]
    if not chosen:
        names = ", ".join(one.name for one in world.hosts)
        raise BadTemperError(f"no host {host!r} in this world; there are {names}")
    changed = {one.name: replace(one, temper=tempered(one.temper, habits)) for one in chosen}
    return replace(world, hosts=tuple(changed.get(one.name, one) for one in world.hosts))


def with_fates(world: World, fates: dict[str, tuple[Fate, ...]]) -> World:
    """The world with other fates for the people of these addresses."""
    return replace(
        world,
        people=tuple(replace(one, fates=fates[one.address]) if one.address in fates else one for one in world.people),
    )
