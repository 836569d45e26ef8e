"""What goes wrong on a connection, counted: a client that only errs is no client. Pure."""

from __future__ import annotations

from typing import Final

from imap.answer import Condition

STRIKES_BEFORE: Final = 10  # BAD and NO before the sign-in
STRIKES: Final = 100  # BAD in a row afterwards


class Strikes:
    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def too_many(self, condition: Condition, *, signed_in: bool) -> bool:
        """With what the last command came to."""
        if condition is Condition.OK:
            if signed_in:
                self._count = 0
            return False
        if not signed_in or condition is Condition.BAD:
            self._count += 1
        return self._count >= (STRIKES if signed_in else STRIKES_BEFORE)
