"""Canonical bodies for DKIM (RFC 6376 §3.4), relaxed and simple, whole or a block at a time.

Pure. For mail/dkim_sign.py and mail/dkim_verify.py; `linear_relaxed_body` is also registered in dkimpy for verifying:
its own regular expression is quadratic in blanks. A large body is taken in blocks, so that other threads go on and
no copy of it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BLOCK: Final = 64 * 1024  # of nothing but blanks it is two milliseconds
_UNDECIDED: Final = (b" \r", b" ", b"\r")


def linear_relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4, with the octets dkimpy gives, in time linear in the body whatever it holds."""
    body = blanks_as_one(body)
    kept = body.rstrip(b"\r\n")
    # What was cut may begin with a lone CR or LF; only whole CRLFs at the very end are empty lines.
    tail = body[len(kept) :].replace(b"\r\n", b"E").rstrip(b"E").replace(b"E", b"\r\n")
    return kept + tail + b"\r\n" if kept or tail else b""


def blanks_as_one(body: bytes) -> bytes:
    """Runs of blanks as one space, none at the end of a line (§3.4.4 a)."""
    body = body.replace(b"\t", b" ")
    # A run of n blanks is gone after log(n) passes.
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    return body.replace(b" \r\n", b"\r\n")


def relaxed_body(body: memoryview) -> Iterator[bytes]:
    """§3.4.4; what the next block may change, blanks and line ends at the end of this one, waits for it."""
    held, ends, begun = b"", 0, False
    for start in range(0, len(body), BLOCK):
        text = blanks_as_one(held + bytes(body[start : start + BLOCK]))
        held = next((one for one in _UNDECIDED if text.endswith(one)), b"")
        text = text.removesuffix(held)
        behind = _line_ends(text)
        if text := text[: len(text) - 2 * behind]:
            yield from _empty_lines(ends)
            yield text
            begun, ends = True, 0
        ends += behind
    if held:
        yield from _empty_lines(ends)
        yield held
    if held or begun:
        yield b"\r\n"


def _line_ends(octets: bytes) -> int:
    """How many CRLFs there are at the end."""
    ends = octets[len(octets.rstrip(b"\r\n")) :].replace(b"\r\n", b"E")
    return len(ends) - len(ends.rstrip(b"E"))


def _empty_lines(count: int) -> Iterator[bytes]:
    for start in range(0, count, BLOCK):
        yield b"\r\n" * min(count - start, BLOCK)


def simple_body(body: memoryview) -> Iterator[bytes]:
    """§3.4.3: the body as it is, of the empty lines at its end one; the empty body is one."""
    end = len(body)
    while ends := _line_ends(bytes(body[max(0, end - BLOCK) : end])):
        end -= 2 * ends
    for start in range(0, end, BLOCK):
        yield bytes(body[start : min(start + BLOCK, end)])
    yield b"\r\n"
