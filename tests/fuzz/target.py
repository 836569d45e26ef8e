"""What a fuzzer is, and how one is run: inputs made from seeds until the time is over, each watched.

A target names seeds, pieces that its grammar knows, and `check`, which raises where a promise breaks, an error of its
own or AssertionError. An input that takes longer than SLOW seconds of CPU breaks one too, so that
quadratic reading is found. The same number gives the same inputs.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final

SLOW: Final = 3.0
_LARGEST: Final = 200_000


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    seeds: Sequence[bytes]
    pieces: Sequence[bytes]
    check: Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """`octets` break `target`; `error` says how."""

    target: str
    octets: bytes
    error: BaseException


class TooSlow(Exception):  # noqa: N818 - a finding, no error
    """The input took more than SLOW seconds."""


def run(target: Target, seconds: float, number: int) -> tuple[int, Finding | None]:
    """How many inputs were tried, and the first that broke something; the seeds themselves come first."""
    chance, until, tried = random.Random(f"{target.name} {number}"), time.monotonic() + seconds, 0
    for octets in target.seeds:
        tried += 1
        if finding := tried_on(target, octets):
            return tried, finding
    while time.monotonic() < until:
        tried += 1
        if finding := tried_on(target, mutated(target, chance)):
            return tried, finding
    return tried, None


def tried_on(target: Target, octets: bytes) -> Finding | None:
    before = signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SLOW)
    try:
        target.check(octets)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding(target.name, octets, error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return None


def mutated(target: Target, chance: random.Random) -> bytes:
    """A seed, changed a few times; now and then one of its pieces very often."""
    octets = chance.choice(target.seeds) if target.seeds else b""
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8, 20))):
        octets = chance.choice(_CHANGES)(octets, target, chance)[:_LARGEST]
    return octets


def _too_slow(_: int, __: FrameType | None) -> None:
    raise TooSlow(f"more than {SLOW} s of CPU")


def _place(octets: bytes, chance: random.Random) -> int:
    return chance.randint(0, len(octets))


def _flip(octets: bytes, _: Target, chance: random.Random) -> bytes:
    at = _place(octets, chance)
    return octets[:at] + bytes([chance.randrange(256)]) + octets[at + 1 :]


def _cut(octets: bytes, _: Target, chance: random.Random) -> bytes:
    start, end = sorted((_place(octets, chance), _place(octets, chance)))
    return octets[:start] + octets[end:]


def _double(octets: bytes, _: Target, chance: random.Random) -> bytes:
    start, end = sorted((_place(octets, chance), _place(octets, chance)))
    return octets[:end] + octets[start:end] * chance.choice((1, 2, 10)) + octets[end:]


def _put(octets: bytes, target: Target, chance: random.Random) -> bytes:
    at = _place(octets, chance)
    return octets[:at] + chance.choice(target.pieces) + octets[at:]


def _put_often(octets: bytes, target: Target, chance: random.Random) -> bytes:
    at = _place(octets, chance)
    several = b"".join(chance.choice(target.pieces) for _ in range(chance.choice((1, 1, 2, 3))))
    return octets[:at] + several * chance.choice((10, 10, 300, 300, 5_000)) + octets[at:]


def _cross(octets: bytes, target: Target, chance: random.Random) -> bytes:
    other = chance.choice(target.seeds)
    return octets[: _place(octets, chance)] + other[_place(other, chance) :]


def _swap_line(octets: bytes, _: Target, chance: random.Random) -> bytes:
    lines = octets.split(b"\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


_CHANGES: Final = (_flip, _flip, _cut, _double, _put, _put, _put, _put_often, _cross, _swap_line)
