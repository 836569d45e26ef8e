"""The content of a message behind DATA or BDAT: where it ends, and what may not be in it (RFC 5321 §4.1.1.4, §4.5.2).

Pure, sans I/O: `feed` octets in blocks as they come, then read `content`. The one end is <CRLF>.<CRLF>; a bare CR, a
bare LF, or a NUL beside the dot would be an end to some other server (SMTP smuggling), so `forged` says so and the
message is refused whole. Lines of any length are taken: real newsletters pass 1,000 octets.
"""

from __future__ import annotations

import re
from typing import Final

_END: Final = b"\r\n.\r\n"
_NUL_BESIDE_DOT: Final = re.compile(rb"\r\n\x00*\.\x00*\r\n")


class DataStream:
    """One message on its way in; at most `limit` octets of it are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: list[bytes] = []
        # The CRLF of the DATA command itself makes a lone dot in the first line an end.
        self._tail = b"\r\n"
        self._pending_cr = False
        self.size = 0
        self.ended = False
        self.forged = False

    @property
    def too_large(self) -> bool:
        return self.size > self._limit

    def feed(self, block: bytes) -> bytes:
        """Take a block; what stands behind the end, for the command loop, else b""."""
        window = self._tail + block
        at = window.find(_END)
        if at < 0:
            self._take(block)
            self._tail = window[-4:]
            return b""
        # The content keeps the CRLF before the dot; the three octets of the dot's line go.
        content_end = at + 2 - len(self._tail)
        if content_end >= 0:
            self._take(block[:content_end])
        else:
            self._untake(-content_end)
        self.ended = True
        self._check_whole()
        return window[at + len(_END) :]

    def content(self) -> bytes:
        """The message with its transparency dots taken out (§4.5.2); only once it has ended."""
        whole = b"".join(self._blocks)
        if whole.startswith(b"."):
            whole = whole[1:]
        return whole.replace(b"\r\n.", b"\r\n")

    def _take(self, block: bytes) -> None:
        self.size += len(block)
        if not self.forged and _has_bare(block, self._pending_cr):
            self.forged = True
        self._pending_cr = block.endswith(b"\r") if block else self._pending_cr
        if self.too_large or self.forged:
            self._blocks.clear()
        else:
            self._blocks.append(block)

    def _untake(self, count: int) -> None:
        """Octets of an end that came in pieces are no content."""
        whole = b"".join(self._blocks)
        self._blocks = [whole[: max(0, len(whole) - count)]]
        self.size = max(0, self.size - count)
        self._pending_cr = False

    def _check_whole(self) -> None:
        if self._pending_cr:
            self.forged = True
        if not self.forged and any(b"\0" in block for block in self._blocks):
            whole = b"\r\n" + b"".join(self._blocks)
            self.forged = _NUL_BESIDE_DOT.search(whole) is not None


class ChunkStream:
    """One message that comes in chunks of told sizes (RFC 3030): dots mean nothing in it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: list[bytes] = []
        self._pending_cr = False
        self.size = 0
        self.ended = False
        self.forged = False

    @property
    def too_large(self) -> bool:
        return self.size > self._limit

    def feed(self, block: bytes) -> None:
        self.size += len(block)
        self.forged = self.forged or _has_bare(block, self._pending_cr)
        self._pending_cr = block.endswith(b"\r") if block else self._pending_cr
        if self.too_large or self.forged:
            self._blocks.clear()
        else:
            self._blocks.append(block)

    def end(self) -> None:
        """All of it has come, or what has come settles that it is refused."""
        self.ended = True
        self.forged = self.forged or self._pending_cr

    def content(self) -> bytes:
        """Ended by CRLF, as mail is kept and sent on."""
        whole = b"".join(self._blocks)
        return whole if whole.endswith(b"\r\n") else whole + b"\r\n"


def _has_bare(block: bytes, after_cr: bool) -> bool:
    """Whether a CR or LF stands alone; a CR at the very end is left to the next block."""
    pairs = block.count(b"\r\n") + (after_cr and block.startswith(b"\n"))
    returns = block.count(b"\r") - block.endswith(b"\r") + after_cr
    return block.count(b"\n") != pairs or returns != pairs
