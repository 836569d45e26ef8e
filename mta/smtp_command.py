"""The arguments of MAIL, RCPT and BDAT (RFC 5321 §4.1.1.2-3, RFC 1870, RFC 6152, RFC 6531, RFC 8689, RFC 3030).

Pure. Called by mta/smtp_server; what cannot be read raises BadCommand with the whole reply to send. Source routes
(§3.3, obsolete) are passed over; spaces after the colon, which old clients write, are taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mail.address import Address, parse_mailbox

_PATH: Final = re.compile(r'\s*<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(?:\s+(.*))?\s*', re.DOTALL)
_ROUTE: Final = re.compile(r"@[^:,@]+(?:,@[^:,@]+)*:")
_NOTHING: Final = ""
_BDAT: Final = re.compile(r"([0-9]{1,12})( +LAST)?", re.IGNORECASE)


class BadCommand(Exception):  # noqa: N818 - a peer's mistake, not an error of ours
    """`reply` is the line for the peer."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Envelope:
    """What MAIL said: `reverse_path` None is the null path of a report; `size` 0 where none was declared."""

    reverse_path: Address | None
    size: int
    internationalised: bool
    requires_tls: bool = False


def read_mail(argument: str | None, size_limit: int, extended: bool, requiretls: bool = False) -> Envelope:
    """The argument of MAIL, with its parameters where the peer said EHLO; `requiretls`: that one is offered."""
    path, words = _split(argument, "FROM:", "MAIL FROM:<address>", extended)
    parameters = _parameters(words)
    size = _size(parameters.pop("SIZE", ""), size_limit)
    if parameters.pop("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):
        raise BadCommand("501 5.5.4 BODY is 7BIT or 8BITMIME")
    internationalised = parameters.pop("SMTPUTF8", None)
    if internationalised:
        raise BadCommand("501 5.5.4 SMTPUTF8 takes no value")
    requires_tls = parameters.pop("REQUIRETLS", None) if requiretls else None
    if requires_tls:
        raise BadCommand("501 5.5.4 REQUIRETLS takes no value")
    parameters.pop("AUTH", None)  # RFC 4954 §5: may be ignored
    if parameters:
        raise BadCommand(f"555 5.5.4 MAIL parameter {next(iter(parameters))[:30]} is not known here")
    reverse_path = None if path == _NOTHING else _address(path, internationalised is not None, "5.1.7")
    return Envelope(reverse_path, size, internationalised is not None, requires_tls is not None)


def read_rcpt(argument: str | None, extended: bool, internationalised: bool) -> Address | None:
    """The forward-path; None is the bare `postmaster` of §4.5.1, which has no domain."""
    path, words = _split(argument, "TO:", "RCPT TO:<address>", extended)
    if parameters := _parameters(words):
        raise BadCommand(f"555 5.5.4 RCPT parameter {next(iter(parameters))[:30]} is not known here")
    if path.lower() == "postmaster":
        return None
    if path == _NOTHING:
        raise BadCommand("501 5.1.3 RCPT TO:<> names nobody")
    return _address(path, internationalised, "5.1.3")


def read_bdat(argument: str | None) -> tuple[int, bool]:
    """The octets of a chunk, and whether it is the last (RFC 3030 §2)."""
    found = _BDAT.fullmatch(argument or "")
    if found is None:
        raise BadCommand("501 5.5.4 Syntax: BDAT octets [LAST]")
    return int(found[1]), found[2] is not None


def _split(argument: str | None, keyword: str, syntax: str, extended: bool) -> tuple[str, str]:
    if argument is None or argument[: len(keyword)].upper() != keyword:
        raise BadCommand(f"501 5.5.2 Syntax: {syntax}")
    found = _PATH.fullmatch(argument[len(keyword) :])
    if found is None:
        raise BadCommand(f"501 5.5.2 Syntax: {syntax}, the address in angle brackets")
    words = (found[2] or "").strip()
    if words and not extended:
        raise BadCommand("501 5.5.4 Parameters need EHLO")
    return _ROUTE.sub("", found[1].strip(), count=1) if found[1].startswith("@") else found[1].strip(), words


def _parameters(words: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words.split():
        name, _, value = word.partition("=")
        if name.upper() in found or not name.isascii():
            raise BadCommand("501 5.5.4 A parameter is there twice or is not readable")
        found[name.upper()] = value
    return found


def _size(value: str, limit: int) -> int:
    if not value:
        return 0
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise BadCommand("501 5.5.4 SIZE is a number of octets")
    if int(value) > limit:
        raise BadCommand(f"552 5.3.4 Message too large: {value} octets, this server takes {limit}")
    return int(value)


def _address(path: str, internationalised: bool, enhanced: str) -> Address:
    if not path.isascii() and not internationalised:
        raise BadCommand("553 5.6.7 An address beyond ASCII needs SMTPUTF8")
    try:
        return parse_mailbox(path)
    except ValueError as mistake:
        words = str(mistake).encode("ascii", "replace").decode()
        raise BadCommand(f"553 {enhanced} Malformed address: {words[:200]}") from mistake
