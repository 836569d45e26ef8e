"""What a DKIM-Signature field says of itself (RFC 6376 §3.5), and the tag list that key records use too (§3.2).

Pure. Read by mail/dkim_verify and mail/dkim_public_key. A field that cannot be used is a value, `Broken`; `tags` raises
UnusableError.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mail.host_name import is_host_name

_FIELDS: Final = 200  # names in h=; a signature with more is not read
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_KEY_TYPES: Final = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
_ORDERS: Final = ("simple", "relaxed")
_NEEDED: Final = ("v", "a", "b", "bh", "d", "h", "s")


class UnusableError(ValueError):
    """A signature or key that says nothing; the text says why, and never quotes more than a tag."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one DKIM-Signature says of itself. `identity` is the domain of i=; `length` is l=, None without."""

    domain: str
    selector: str
    key_type: str
    header_order: str
    body_order: str
    names: tuple[bytes, ...]
    body_hash: bytes
    signature: bytes
    length: int | None
    identity: str
    signed_at: int | None
    expires_at: int | None
    field: bytes = field(repr=False)

    @property
    def key_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A signature that cannot be read; `domain` is "" where not even d= can."""

    domain: str
    words: str


def first_read(claims: Sequence[Claim | Broken], author: str, most: int) -> list[Claim | Broken]:
    """At most `most`, those of the author's domain or one above or below it before others, else in their order."""

    def strange(claim: Claim | Broken) -> bool:
        near = claim.domain == author or claim.domain.endswith("." + author) or author.endswith("." + claim.domain)
        return not (author and claim.domain and near)

    return sorted(claims, key=strange)[:most]


def read_claim(value: bytes) -> Claim | Broken:
    """The tags of a DKIM-Signature field's value, folded as it came."""
    tags: dict[str, str] = {}
    try:
        tags = tags_of(value.decode("ascii", "replace"))
        return _claim(tags, value)
    except UnusableError as error:
        domain = tags.get("d", "").lower()
        return Broken(domain if is_host_name(domain) else "", str(error))


def _claim(tags: dict[str, str], value: bytes) -> Claim:
    if missing := [name for name in _NEEDED if not tags.get(name)]:
        raise UnusableError(f"no {missing[0]}=")
    if tags["v"] != "1" or tags.get("q", "dns/txt").lower() != "dns/txt":
        raise UnusableError("v= or q= is not known")
    algorithm = tags["a"].lower()
    if algorithm not in _KEY_TYPES:
        raise UnusableError("a= is not accepted (RFC 8301)")
    header_order, _, body_order = tags.get("c", "simple/simple").lower().partition("/")
    orders = header_order, body_order or "simple"
    domain, selector = tags["d"].lower(), tags["s"].lower()
    if not set(orders) <= set(_ORDERS) or not (is_host_name(domain) and is_host_name(selector)):
        raise UnusableError("c=, d= or s= is not valid")
    return Claim(
        domain=domain,
        selector=selector,
        key_type=_KEY_TYPES[algorithm],
        header_order=orders[0],
        body_order=orders[1],
        names=_names(tags["h"]),
        body_hash=octets_of("bh", tags["bh"]),
        signature=octets_of("b", tags["b"]),
        length=_number(tags, "l"),
        identity=_identity(tags.get("i"), domain),
        signed_at=_number(tags, "t"),
        expires_at=_number(tags, "x"),
        field=value,
    )


def tags_of(text: str) -> dict[str, str]:
    """RFC 6376 §3.2; a tag that comes twice makes the list invalid."""
    tags: dict[str, str] = {}
    for pair in text.split(";"):
        name, separator, value = pair.partition("=")
        if not separator:
            if pair.strip(" \t\r\n"):
                raise UnusableError("a tag without =")
            continue
        name = name.strip(" \t\r\n")
        if name in tags:
            raise UnusableError("a tag comes twice")
        tags[name] = _BLANKS.sub("", value)
    return tags


def _names(text: str) -> tuple[bytes, ...]:
    names = tuple(name.lower().encode("ascii", "replace") for name in text.split(":"))
    if len(names) > _FIELDS or b"from" not in names:
        raise UnusableError("h= has no From, or too many names")
    return names


def _identity(text: str | None, domain: str) -> str:
    """The domain of i=, which is d= or below it (§3.5)."""
    if text is None:
        return domain
    identity = text.rpartition("@")[2].lower()
    if identity != domain and not identity.endswith("." + domain):
        raise UnusableError("i= is not in d=")
    return identity


def octets_of(name: str, text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError) as error:
        raise UnusableError(f"{name}= is not base64") from error


def _number(tags: dict[str, str], name: str) -> int | None:
    text = tags.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UnusableError(f"{name}= is no number")
    return int(text)
