"""A mailbox address (RFC 5321 §4.1.2, RFC 6531) and how it is shown in a header.

Pure. Called by every edge that takes an address: sessions, import, API, mail/message. `parse_mailbox` and `display`
raise ValueError saying what is wrong; an `Address` that was parsed is always writable on the wire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from mail.header import encoded_words, needs_encoding, refuse

LOCAL_LIMIT = 64  # octets, RFC 5321 §4.5.3.1.1
ADDRESS_LIMIT = 254  # octets: a path has 256 with its angle brackets, RFC 5321 §4.5.3.1.3
LABEL_LIMIT = 63

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a0-\ud7ff\ue000-\U0010ffff]+"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\[ -~])*)"')
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]+")


@dataclass(frozen=True, slots=True)
class Address:
    """`local` without quotes; `domain` as it was written, or an address literal in brackets."""

    local: str
    domain: str

    @property
    def ascii_domain(self) -> str:
        """The domain in lower case, A-labels where it is internationalised: what DNS and the wire want."""
        return self.domain.lower() if self.domain.isascii() else idna.encode(self.domain, uts46=True).decode()

    @property
    def normalised(self) -> str:
        """One text for all spellings, to compare and as a key only: a host may heed the local part's case."""
        return f"{_quoted(self.local.casefold())}@{self.ascii_domain}"

    @property
    def internationalised(self) -> bool:
        """True where the host must offer SMTPUTF8 (RFC 6531): the domain alone can always be written in ASCII."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{_quoted(self.local)}@{self.ascii_domain}"


def _quoted(local: str) -> str:
    if _DOT_STRING.fullmatch(local):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_mailbox(text: str) -> Address:
    """The address that `text` is, nothing around it; ValueError names the mistake."""
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError(f"{text[:80]!r}: no @ in it")
    if not local:
        raise ValueError(f"{text[:80]!r}: nothing before the @")
    address = Address(_local(local), _domain(domain))
    if len(_quoted(address.local).encode()) > LOCAL_LIMIT:
        raise ValueError(f"{text[:80]!r}: more than {LOCAL_LIMIT} octets before the @")
    if len(str(address).encode()) > ADDRESS_LIMIT:
        raise ValueError(f"{text[:80]!r}: longer than {ADDRESS_LIMIT} octets")
    return address


def _local(text: str) -> str:
    if quoted := _QUOTED.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if _DOT_STRING.fullmatch(text):
        return text
    if text.startswith('"') or text.endswith('"'):
        raise ValueError(f"{text[:80]!r}: the quoted part before the @ is not closed or holds a control character")
    if "@" in text:
        raise ValueError(f"{text[:80]!r}: more than one @")
    if text.startswith(".") or text.endswith(".") or ".." in text:
        raise ValueError(f"{text[:80]!r}: a dot at the start, at the end or beside another dot before the @")
    bad = next(char for char in text if char != "." and not re.fullmatch(_ATOM, char))
    raise ValueError(f"{text[:80]!r}: character {bad!r} may not be before the @ without quotes")


def _domain(text: str) -> str:
    if not text:
        raise ValueError("nothing after the @")
    if text.startswith("["):
        return _literal(text)
    try:
        ascii_text = text if text.isascii() else idna.encode(text, uts46=True).decode()
    except idna.IDNAError as mistake:
        raise ValueError(f"domain {text[:80]!r}: {mistake}") from None
    for label in ascii_text.split("."):
        if not label:
            raise ValueError(f"domain {text[:80]!r}: a dot at the start, at the end or beside another dot")
        if len(label) > LABEL_LIMIT:
            raise ValueError(f"domain {text[:80]!r}: {label[:20]!r}... is longer than {LABEL_LIMIT} octets")
        if not _LABEL.fullmatch(label):
            raise ValueError(f"domain {text[:80]!r}: {label!r} is no host name label")
    return text


def _literal(text: str) -> str:
    inner = text[1:-1] if text.endswith("]") else ""
    try:
        if inner[:5].lower() == "ipv6:":
            IPv6Address(inner[5:])
        else:
            IPv4Address(inner)
    except AddressValueError:
        raise ValueError(f"domain {text[:80]!r}: no address literal (RFC 5321 §4.1.3)") from None
    return text


def display(name: str, address: Address) -> str:
    """A From or To value: `name` (may be "") quoted or RFC 2047-encoded as it needs, and the address.

    ValueError where the name has a control character. The value may be longer than a line: `mail.header.fold` folds it.
    """
    name = refuse("display name", name).strip()
    if not name:
        return str(address)
    if needs_encoding(name):
        return f"{encoded_words(name)} <{address}>"
    if _PHRASE.fullmatch(name) and "  " not in name:
        return f"{name} <{address}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'
