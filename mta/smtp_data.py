"""The content of a message behind DATA or BDAT: where it ends, and what may not be in it (RFC 5321 §4.1.1.4, §4.5.2).

Pure, sans I/O: `feed` octets in blocks as they come, then read `content`. The one end is <CRLF>.<CRLF>; a bare CR, a
bare LF, or a NUL beside the dot would be an end to some other server (SMTP smuggling), so `forged` says so and the
message is refused whole. Lines of any length are taken: real newsletters pass 1,000 octets.
Each octet is looked at with its block and never again, so that no block of a large message keeps others waiting;
`content` is one join, for a thread where it is large.
"""

from __future__ import annotations

from typing import Final

_END: Final = b"\r\n.\r\n"


class _Kept:
    """The blocks of one message; at most `limit` octets of it are kept, none of one that is forged."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: list[bytes] = []
        self.size = 0
        self.ended = False
        self.forged = False

    @property
    def too_large(self) -> bool:
        return self.size > self._limit

    def content(self) -> bytes:
        """The message; only once it has ended."""
        whole = b"".join(self._blocks)
        self._blocks = [whole]
        return whole

    def _keep(self, block: bytes) -> None:
        if self.too_large or self.forged:
            self._blocks.clear()
        else:
            self._blocks.append(block)


class DataStream(_Kept):
    """One message on its way in behind DATA."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        # What may be the beginning of the end. The CRLF of the DATA command makes a lone dot in the first line one.
        self._held = _END[:2]
        self._told = 2  # octets at the beginning of what is held that are no content
        self._behind = b""  # the last octets of the content, NULs left out
        self._has_nul = False

    def feed(self, block: bytes) -> bytes:
        """Take a block; what stands behind the end, for the command loop, else b""."""
        window = self._held + block
        at = window.find(_END)
        if at < 0:
            held = _begun(window)
            self._take(window[: len(window) - held] if held else window)
            self._held = window[len(window) - held :]
            return b""
        # The content keeps the CRLF before the dot; the three octets of the dot's line go.
        self._take(window[: at + 2])
        self.ended = True
        return window[at + len(_END) :]

    def _take(self, octets: bytes) -> None:
        """No CRLF, and no dot behind one, is cut in two: that is held."""
        if not octets:
            return
        self.size += len(octets) - self._told
        if not self.forged:
            pairs = octets.count(b"\r\n")
            bare = not octets.count(b"\r") == pairs == octets.count(b"\n")
            self.forged = bare or self._has_nul_beside_dot(octets)
        # A dot that begins a line was put there for transparency (§4.5.2).
        self._keep(octets.replace(b"\r\n.", b"\r\n")[self._told :])
        self._told = 0

    def _has_nul_beside_dot(self, octets: bytes) -> bool:
        """Whether there would be an end if NULs were nothing."""
        self._has_nul = self._has_nul or b"\0" in octets
        plain = self._behind + (octets.replace(b"\0", b"") if self._has_nul else octets[-len(_END) :])
        self._behind = plain[-len(_END) :]
        return self._has_nul and _END in plain


class ChunkStream(_Kept):
    """One message that comes in chunks of told sizes (RFC 3030): dots mean nothing in it."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._pending_cr = False

    def feed(self, block: bytes) -> None:
        self.size += len(block)
        self.forged = self.forged or self._has_bare(block)
        self._pending_cr = block.endswith(b"\r") if block else self._pending_cr
        self._keep(block)

    def _has_bare(self, block: bytes) -> bool:
        """Whether a CR or LF stands alone; a CR at the very end is left to the next block."""
        pairs = block.count(b"\r\n") + (self._pending_cr and block.startswith(b"\n"))
        returns = block.count(b"\r") - block.endswith(b"\r") + self._pending_cr
        return block.count(b"\n") != pairs or returns != pairs

    def end(self) -> None:
        """All of it has come, or what has come settles that it is refused."""
        self.ended = True
        self.forged = self.forged or self._pending_cr
        # Ended by CRLF, as mail is kept and sent on; whatever is behind a bare one has been refused.
        if not (self._blocks and self._blocks[-1].endswith(b"\n")):
            self._blocks.append(b"\r\n")


def _begun(window: bytes) -> int:
    """How many octets at the end of `window` may begin the end of the message."""
    return next((count for count in range(len(_END) - 1, 0, -1) if window.endswith(_END[:count])), 0)
