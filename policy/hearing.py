"""Counting what hosts say: when is it often enough, and of all that they say, that a rule acts?

Pure. One Tally for each rule, source and site, kept by mta/outbound/site_pace.py; instants are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """When the matching answers came, and how many answers of any kind there had been by then."""

    heard: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, now: float, answers: int, count: int, within: float, share: float) -> bool:
        """A further match, the `answers`th of all; True where `count` came `within` and are that `share` of all.

        What made a rule act is forgotten, so the next time takes as many again.
        """
        self.heard.append((now, answers))
        while self.heard and self.heard[0][0] < now - within:
            self.heard.popleft()
        if len(self.heard) < count:
            return False
        if len(self.heard) < share * (answers - self.heard[0][1] + 1):
            # Not so many of all: the oldest go, or a burst long ago would hide one of now.
            while len(self.heard) >= count:
                self.heard.popleft()
            return False
        self.heard.clear()
        return True
