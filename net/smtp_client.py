"""The client's side of SMTP without I/O: octets to replies, and the commands that ask for them (RFC 5321).

Pure apart from its own buffer: `ReplyReader.feed` gives every whole reply in order. net/smtp_connection.py owns the
socket. A host that lies or floods is a ProtocolError, which its message survives as a deferral.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from mail.reply import Reply, parse_lines
from net.smtp_content import Content, traits_of

LINE_LIMIT: Final = 2048  # RFC 5321 §4.5.3.1.5 promises 512; some hosts explain themselves at length
REPLY_LIMIT: Final = 64 * 1024
CHUNKED: Final = 64 * 1024  # octets above which BDAT is chosen where the host offers it
_USUAL: Final = 80  # octets of a line that a host says again and again, to each MAIL and RCPT


class ProtocolError(Exception):
    """What the host said is no SMTP; the text says what."""


class Unfit(Exception):  # noqa: N818 - it is a verdict on a message
    """The host cannot take this message whatever we say; `reply` is our own word for that, judged as a host's is."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class ReplyReader:
    """Collects octets into replies; several may come at once where commands were pipelined (RFC 2920)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def idle(self) -> bool:
        """Nothing is half read. Octets waiting when STARTTLS is answered were injected in clear."""
        return not self._buffer and not self._lines

    def feed(self, octets: bytes) -> list[Reply]:
        """The replies that are whole now. Raises ProtocolError."""
        *lines, self._buffer = (self._buffer + octets).split(b"\n")
        if len(self._buffer) > LINE_LIMIT:
            raise ProtocolError(f"a reply line of more than {LINE_LIMIT} octets")
        return [reply for line in lines if (reply := self._line(line.removesuffix(b"\r")))]

    def _line(self, line: bytes) -> Reply | None:
        self._size += len(line)
        if len(line) > LINE_LIMIT or self._size > REPLY_LIMIT:
            raise ProtocolError(f"a reply of more than {REPLY_LIMIT} octets, or a line of more than {LINE_LIMIT}")
        if not line[:3].isdigit() or line[:1] not in b"2345" or line[3:4] not in (b"", b" ", b"-"):
            raise ProtocolError(f"not a reply: {line[:80]!r}")
        if self._lines and self._lines[0][:3] != line[:3]:  # RFC 5321 §4.2.1; which of the two it means nobody knows
            raise ProtocolError(f"a reply of two codes: {self._lines[0][:80]!r} and {line[:80]!r}")
        self._lines.append(line)
        if line[3:4] == b"-":
            return None
        whole, self._lines, self._size = self._lines, [], 0
        return _usual(line) if len(whole) == 1 and len(line) <= _USUAL else parse_lines(whole)


@lru_cache(maxsize=512)
def _usual(line: bytes) -> Reply:
    """The reply that a line is by itself."""
    return parse_lines([line])


def extensions(reply: Reply) -> Mapping[str, str]:
    """The keywords of an EHLO reply, upper-cased, with their parameters; the first line is the greeting (§4.1.1.1)."""
    offered = (line.partition(" ") for line in reply.text.split("\n")[1:])
    return {keyword.upper(): parameters for keyword, _, parameters in offered if keyword}


def envelope(
    reverse_path: str, forward_path: str, content: Content, offered: Mapping[str, str], requires_tls: bool = False
) -> list[bytes]:
    """MAIL and RCPT for one recipient, with the parameters that the host offers (SIZE, 8BITMIME, SMTPUTF8).

    Content beyond ASCII goes to a host without 8BITMIME as it is: rewriting it (RFC 6152 §3) would break the signature
    that was made once for all hosts, and hosts that mind have not been seen for decades. Raises Unfit where the
    message is larger than the host takes (RFC 1870 §6), or an address needs SMTPUTF8 and the host lacks it (RFC 6531),
    or something in it could be taken for its end (SMTP smuggling).
    """
    traits = traits_of(content)
    if traits.smuggles:
        raise Unfit(
            Reply(550, "5.6.0", "a CR, LF or NUL in the message could be taken for its end; it never leaves here")
        )
    _check_size(traits.size, offered)
    mail = f"MAIL FROM:<{reverse_path}>"
    if "SIZE" in offered:
        mail += f" SIZE={traits.size}"
    if "8BITMIME" in offered and traits.eight_bit:
        mail += " BODY=8BITMIME"
    if not (reverse_path + forward_path).isascii():
        if "SMTPUTF8" not in offered:
            raise Unfit(Reply(550, "5.6.7", "the address needs SMTPUTF8, which the host does not offer"))
        mail += " SMTPUTF8"
    elif "SMTPUTF8" in offered and traits.header_eight_bit:
        mail += " SMTPUTF8"  # a header beyond ASCII (RFC 6532) asks for it where it can be had
    if requires_tls:
        mail += " REQUIRETLS"
    return [f"{mail}\r\n".encode(), f"RCPT TO:<{forward_path}>\r\n".encode()]


def in_chunks(size: int, offered: Mapping[str, str]) -> bool:
    """Whether BDAT carries the message (RFC 3030): no dot-stuffing of a large one, no wait for DATA's 354.

    A small one to a host that pipelines goes by DATA, which rides with MAIL and RCPT.
    """
    return "CHUNKING" in offered and (size > CHUNKED or "PIPELINING" not in offered)


def _check_size(size: int, offered: Mapping[str, str]) -> None:
    limit = offered.get("SIZE", "").strip()
    if limit.isascii() and limit.isdigit() and len(limit) <= 20 and 0 < int(limit) < size:
        raise Unfit(Reply(552, "5.3.4", f"message too large: {size} octets, the host takes {limit}"))
