"""Answers of name servers, kept while they hold: bounded in octets, whatever strangers make us ask (SECURITY row 15).

For net/resolver; safe between threads. The answers are our own small values (about 1 kB; dnspython's cache holds whole
messages, 4 kB for one record, and is bounded in their number alone). What was not used longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, Generic, TypeVar

V = TypeVar("V")
LARGEST: Final = 16 * 1024  # octets of records in one answer that is kept; a larger one is asked for again
LONGEST: Final = 86_400.0  # seconds that an answer is believed, whatever its TTL says
_EACH: Final = 1_000  # octets that an answer costs beside its records

Key = tuple[str, str]  # name in lower case, type; "" for a name that does not exist, whatever the type


class AnswerCache(Generic[V]):
    def __init__(self, octets: int) -> None:
        self._room = octets
        self._kept: OrderedDict[Key, tuple[V, float, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, kind: str, now: float) -> V | None:
        """What holds at `now` (of the caller's clock) for the name, if it is known."""
        with self._lock:
            for key in ((name, kind), (name, "")):
                found = self._kept.get(key)
                if found is None:
                    continue
                if found[1] > now:
                    self._kept.move_to_end(key)
                    return found[0]
                self._drop(key)
        return None

    def put(self, key: Key, value: V, octets: int, until: float, now: float) -> None:
        if octets > LARGEST or until <= now:
            return
        with self._lock:
            if key in self._kept:
                self._drop(key)
            cost = octets + len(key[0]) + _EACH
            self._kept[key] = value, min(until, now + LONGEST), cost
            self._room -= cost
            while self._room < 0:
                self._drop(next(iter(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)

    def _drop(self, key: Key) -> None:
        self._room += self._kept.pop(key)[2]
