"""How many octets of large literals all sessions of a process may hold at once. For one thread, the reactor's."""

from __future__ import annotations


class Budget:
    def __init__(self, octets: int) -> None:
        self._left = octets

    def take(self, octets: int) -> bool:
        """Whether there was that much left; it is taken then, and must be given back."""
        if octets > self._left:
            return False
        self._left -= octets
        return True

    def give(self, octets: int) -> None:
        self._left += octets
