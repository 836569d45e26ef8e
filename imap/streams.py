"""The octets of one connection: commands out of what comes in, answers as they go out, compressed from COMPRESS on
(RFC 4978). No I/O; imap/protocol.py has the transport.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from imap.budget import Budget
from imap.deflate import Deflate
from imap.wire import Decoder, Event, Limits

OCTETS: Final = Counter("mailloft_imap_octets_total", "Octets of commands and answers", ["direction"])  # in, out

_IN: Final = OCTETS.labels("in")
_OUT: Final = OCTETS.labels("out")


class Streams:
    __slots__ = ("_decoder", "_deflate")

    def __init__(self, budget: Budget) -> None:
        self._decoder = Decoder(budget=budget)
        self._deflate: Deflate | None = None

    def receive(self, octets: bytes) -> None:
        _IN.inc(len(octets))
        (self._deflate or self._decoder).receive(octets)

    @property
    def waiting(self) -> int:
        """Octets received that no event has given out."""
        return self._decoder.waiting + (self._deflate.waiting if self._deflate is not None else 0)

    def next_event(self, limits: Limits) -> Event | None:
        """The next one, or None until more is received. Raises BrokenStreamError."""
        self._decoder.limits = limits
        while True:
            event = self._decoder.next_event()
            if event is not None or not self._inflated():
                return event

    def _inflated(self) -> bool:
        """Whether the decoder has got more octets out of the compressed ones."""
        if self._deflate is None or not self._deflate.waiting:
            return False
        octets = self._deflate.inflated()
        self._decoder.receive(octets)
        return bool(octets)

    def sent(self, octets: bytes) -> bytes:
        """As they go out."""
        if self._deflate is not None and octets:
            octets = self._deflate.wrap(octets)
        _OUT.inc(len(octets))
        return octets

    def release(self) -> None:
        """The command is done, or the connection gone: what its literals took of the budget is free again."""
        self._decoder.release()

    def forget(self) -> None:
        """Drop all that was received: what came behind STARTTLS was not sent in secret (RFC 3501 §6.2.1)."""
        self._decoder.forget()

    def compress(self) -> None:
        """Both ways from here on; what came behind the command was none of it."""
        self._decoder.forget()
        self._deflate = Deflate()
