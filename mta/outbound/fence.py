"""Whether this worker may still end a transaction: its claims are its own while its heartbeat is young.

The heartbeat in the table runs out after `[outbound] heartbeat`; who has not renewed for half of that sends no further
final dot, so that a worker that was paused (SIGSTOP, a frozen VM) and wakes after another has taken its rows sends
nothing twice. The other half is for clocks of two nodes that differ. Monotonic seconds, which go on while the process
stands still.
"""

from __future__ import annotations

from datetime import timedelta


class Fence:
    """`life`: how long this incarnation lives without a heartbeat."""

    def __init__(self, life: timedelta) -> None:
        self._open_for = life.total_seconds() / 2
        self._renewed: float | None = None
        self._unbroken_since = 0.0
        self._buried = False

    def renewed(self, asked_at: float) -> None:
        """The heartbeat was saved; `asked_at`: monotonic time before it was asked for."""
        if not self.open(asked_at):
            self._unbroken_since = asked_at
        self._renewed = asked_at

    def buried(self) -> None:
        """Another has freed our claims: nothing in our hands is ours."""
        self._buried = True

    def may_bury(self, now: float) -> bool:
        """Whether our own heartbeat went on for as long as an incarnation lives without one.

        Where it did not, the database was gone for the others too: they live, and first need time to say so.
        """
        return self.open(now) and now - self._unbroken_since >= 2 * self._open_for

    def open(self, now: float) -> bool:
        if self._buried or self._renewed is None:
            return False
        return now - self._renewed < self._open_for
