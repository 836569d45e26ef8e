"""Octets from a client -> commands (RFC 3501 §2.2, RFC 7888), without I/O.

`receive` takes octets, `next_event` gives one event at a time, so that each command is framed under the limits that
hold once the one before it has been done (a sign-in raises them). Nothing raises: what is too long becomes a
`Broken` event. Memory is bounded by `Limits` and by what the caller hands in before it asks for events.
A command's literals are kept apart: its line holds `{n}` and CRLF where each of them stood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from imap.budget import Budget

_LITERAL: Final = re.compile(rb"~?\{([0-9]{1,20})(\+?)\}\Z")
_VERB: Final = re.compile(rb"[^ ]+ +(?:UID +)?([A-Za-z]+)", re.IGNORECASE)
VERB_WITHIN: Final = 200  # octets; a tag has 100 at most
_CARRIERS: Final = (b"APPEND", b"REPLACE")
TOGETHER: Final = 2  # times the largest mail, that the literals of one command may have
_TAG: Final = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]{1,100}(?= |\Z)")


@dataclass(frozen=True, slots=True)
class Limits:
    """`line`: octets of a line. `literals`: octets of a literal; `message`: the same for APPEND and REPLACE.

    All literals of a command may have TOGETHER times that.
    """

    line: int
    literals: int
    message: int


FREE: Final = 65_536  # octets of a literal that count against no budget
BEFORE_SIGN_IN: Final = Limits(line=8192, literals=4096, message=0)


@dataclass(frozen=True, slots=True)
class Request:
    """A whole command. `line` without its last CRLF."""

    line: bytes
    literals: tuple[bytes, ...]

    @property
    def tag(self) -> bytes:
        """The tag, or `*` where the line begins with none."""
        found = _TAG.match(self.line)
        return found[0] if found else b"*"


@dataclass(frozen=True, slots=True)
class Continue:
    """The client waits for a `+` before it sends the literal."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A line or literal beyond the limits. `fatal`: the stream cannot be read on."""

    tag: bytes
    text: bytes
    fatal: bool
    code: bytes = b""


Event = Request | Continue | Broken


class Decoder:
    """The framing of one connection."""

    def __init__(self, limits: Limits = BEFORE_SIGN_IN, budget: Budget | None = None) -> None:
        self.limits = limits
        self._budget = budget
        self._taken = 0  # octets of the budget
        self.forget()

    def forget(self) -> None:
        """Drop all that was received: what a client sent behind STARTTLS was not sent in secret (RFC 3501 §6.2.1)."""
        self._buffer = bytearray()
        self._next_command()
        self._wanted: int | None = None  # octets of the literal that is under way
        self._skipping: tuple[int, Broken] | None = None  # octets still to be thrown away, and what is said then
        self._searched = 0  # octets of the buffer that hold no line end
        self._lost = False  # a fatal event was given: nothing that follows can be understood

    def _next_command(self) -> None:
        self._line = b""  # what came of the command so far, its literals as {n} and CRLF
        self._literals: list[bytes] = []
        self._carried = 0  # octets of these

    def release(self) -> None:
        """The command is done, or the connection gone: what its literals took of the budget is free again."""
        if self._budget is not None and self._taken:
            self._budget.give(self._taken)
            self._taken = 0

    def receive(self, octets: bytes) -> None:
        self._buffer += octets

    @property
    def waiting(self) -> int:
        """Octets received that no event has given out."""
        return len(self._buffer)

    def next_event(self) -> Event | None:
        """The next event, or None until more is received."""
        while not self._lost:
            if self._skipping is not None:
                return self._skip(*self._skipping)
            if self._wanted is not None and not self._take_literal(self._wanted):
                return None
            end = self._buffer.find(b"\n", self._searched)
            if end < 0:
                return self._unfinished()
            self._searched = 0
            if len(self._line) + end > self.limits.line:
                return self._too_long()
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if (event := self._end_of_line(line.removesuffix(b"\r"))) is not None:
                return event
        self._buffer.clear()
        return None

    def _take_literal(self, size: int) -> bool:
        if len(self._buffer) < size:
            return False
        self._literals.append(bytes(self._buffer[:size]))
        self._carried += size
        del self._buffer[:size]
        self._wanted = None
        return True

    def _skip(self, left: int, broken: Broken) -> Event | None:
        dropped = min(left, len(self._buffer))
        del self._buffer[:dropped]
        if dropped < left:
            self._skipping = (left - dropped, broken)
            return None
        # The rest of the command's line follows; it goes the same way.
        end = self._buffer.find(b"\n")
        if (len(self._buffer) if end < 0 else end) > self.limits.line:
            return self._too_long()
        if end < 0:
            self._skipping = (0, broken)
            return None
        del self._buffer[: end + 1]
        self._skipping = None
        return broken

    def _unfinished(self) -> Event | None:
        self._searched = len(self._buffer)
        return self._too_long() if len(self._line) + len(self._buffer) > self.limits.line else None

    def _too_long(self) -> Broken:
        self._lost = True
        return Broken(b"*", b"line longer than %d octets" % self.limits.line, fatal=True)

    def _end_of_line(self, line: bytes) -> Event | None:
        """None where the command goes on, or is thrown away."""
        self._line += line
        found = _LITERAL.search(line) if line.endswith(b"}") else None
        if found is None:
            request = Request(self._line, tuple(self._literals))
            self._next_command()
            return request
        return self._announced(int(found[1]), synchronising=not found[2])

    def _announced(self, size: int, synchronising: bool) -> Event | None:
        largest = self._allowance()
        if size > largest or size > TOGETHER * largest - self._carried:
            text = b"a literal of %d octets is over the limit of %d" % (size, largest)
            return self._refuse(size, synchronising, text, b"TOOBIG")
        if not self._affordable(size):
            return self._refuse(size, synchronising, b"too many large mails at once, try again", b"LIMIT")
        self._line += b"\r\n"
        self._wanted = size
        return Continue() if synchronising else None

    def _affordable(self, size: int) -> bool:
        if self._budget is None or size <= FREE:
            return True
        if not self._budget.take(size):
            return False
        self._taken += size
        return True

    def _refuse(self, size: int, synchronising: bool, text: bytes, code: bytes) -> Event | None:
        tag = Request(self._line, ()).tag
        self._next_command()
        if synchronising:  # nothing is under way: the client waits
            return Broken(tag, text, False, code)
        # RFC 7888 §4: read it and throw it away, or close. Beyond twice the limit it costs too much to be polite.
        if size > 2 * max(self.limits.message, self.limits.literals):
            self._lost = True
            return Broken(tag, text, True, code)
        self._skipping = (size, Broken(tag, text, False, code))
        return None

    def _allowance(self) -> int:
        verb = _VERB.match(self._line, 0, VERB_WITHIN)
        is_append = verb is not None and verb[1].upper() in _CARRIERS
        return max(self.limits.message, self.limits.literals) if is_append else self.limits.literals
