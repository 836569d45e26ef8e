"""Line ends and dots of a message on the wire (RFC 5321 §2.3.8, §4.5.2).

Pure. Submission, inbound and net/smtp_client call it: no bare CR or LF goes out (SMTP smuggling), every line that
begins with a dot gets a second one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

_NULS: Final = (b"\r\n\0.\r\n", b"\r\n.\0\r\n")  # a dot line to whoever drops NULs


def dot_stuff(message: bytes) -> bytes:
    """`message` (CRLF line ends only) with every leading dot doubled; the closing dot is not added."""
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def dot_stuffed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same of a message in blocks, wherever it was cut."""
    before = b"\r\n"
    for block in blocks:
        whole = before + block
        yield whole.replace(b"\r\n.", b"\r\n..")[len(before) :]
        before = whole[-2:]


def has_bare_newline(message: bytes) -> bool:
    """True where a CR or an LF stands alone."""
    pairs = message.count(b"\r\n")
    return message.count(b"\r") != pairs or message.count(b"\n") != pairs


def smuggles(message: bytes) -> bool:
    """True where some host might see the message end before its end: a bare CR or LF, or a dot line beside a NUL."""
    return has_bare_newline(message) or (b"\0" in message and any(end in message for end in _NULS))
