"""A TCP transport that sends at once what the kernel takes at once.

Twisted's waits for the reactor's next turn with every answer: two changes of what is polled, one more poll and one
more dispatch, a fifth of what a small command costs. Only what the kernel does not take waits here for that.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Server


class PromptServer(Server):
    """For `tcp.Port.transport`. Under TLS from the start it carries the records, after STARTTLS it is Twisted's."""

    def write(self, octets: bytes) -> None:
        later: Any = super().write  # Twisted's has no types
        if self.TLS or self.dataBuffer or self._tempDataBuffer or not self.connected or self.disconnecting:
            later(octets)
            return
        sent = self.writeSomeData(octets)
        # What goes wrong is found once more by the reactor, which then ends the connection.
        rest = octets[sent:] if isinstance(sent, int) else octets
        if rest:
            later(rest)
