"""COMPRESS=DEFLATE (RFC 4978): octets both ways, a bounded piece at a time. No I/O.

A client's octets may stand for a thousand times as many, so they are inflated only as the decoder has room for them.
"""

from __future__ import annotations

import zlib
from typing import Final

PIECE: Final = 65_536
_RAW: Final = -15  # no header, the window that every client knows
_MEMORY: Final = 5  # 16 kB of hashes beside the windows, not 128


class BrokenStreamError(Exception):
    """What came is no deflate stream, or one that ended."""


class Deflate:
    def __init__(self) -> None:
        self._out = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, _RAW, _MEMORY)
        self._in = zlib.decompressobj(_RAW)
        self._waiting = b""

    def wrap(self, octets: bytes) -> bytes:
        """As they go out, whole: the other side can read all of it."""
        return self._out.compress(octets) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def receive(self, octets: bytes) -> None:
        self._waiting += octets

    @property
    def waiting(self) -> int:
        """Octets received that were not inflated yet."""
        return len(self._waiting)

    def inflated(self) -> bytes:
        """The next ones, at most PIECE; nothing until more is received."""
        if self._in.eof:
            raise BrokenStreamError("the stream has ended")
        try:
            octets = self._in.decompress(self._waiting, PIECE)
        except zlib.error as error:
            raise BrokenStreamError(str(error)) from error
        self._waiting = self._in.unconsumed_tail
        return octets
