"""DKIM signatures of outgoing mail: RSA-2048 and Ed25519 over one relaxed/relaxed canonicalisation.

Pure but for `generate_keys`, which takes its randomness from OpenSSL. The sender signs what mail/message rendered,
submission and the DSN writer what they queue. RFC 6376, RFC 8463, RFC 8301 (key sizes). Never l= (text could be added).
ValueError: a key that cannot be read or is too weak, a message without From or with header lines that are no fields.
(dkimpy itself for signing lost: 1.1 ms a signature, each with a canonicalisation of its own.)
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mail.dkim_body import BLOCK, linear_relaxed_body, relaxed_body
from mail.dkim_header import relaxed_header
from mail.rendered import Rendered

# Named once more in h= than present, so that no relay or replayer can add one (RFC 6376 §8.15).
OVERSIGNED = (
    b"from",
    b"to",
    b"cc",
    b"reply-to",
    b"subject",
    b"date",
    b"message-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)
# Named as often as present: lists and forwarders may rightly add these.
SIGNED = (b"sender", b"in-reply-to", b"references", b"list-id", b"feedback-id", b"auto-submitted")
_TABLE = OVERSIGNED + SIGNED

RSA_BITS = 2048
KEPT = 1024  # loaded keys, the least used forgotten
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:(.*(?:\r\n[ \t].*)*)\r\n")
_WIDTH = 72  # octets of base64 a line
_FOLD: Final = "\r\n\t"
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


class Algorithm(Enum):
    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


@dataclass(frozen=True, slots=True)
class Key:
    """`selector` is one or more DNS labels; the algorithm is that of the private key."""

    selector: str
    algorithm: Algorithm
    private_key: RSAPrivateKey | Ed25519PrivateKey

    def signature(self, octets: bytes) -> bytes:
        # Not by isinstance: the classes are abstract, and asking one costs as much as hashing the header.
        if self.algorithm is Algorithm.RSA:
            return cast("RSAPrivateKey", self.private_key).sign(octets, _PADDING, _HASH)
        # RFC 8463 §3: Ed25519 signs the SHA-256 digest, not the text.
        return cast("Ed25519PrivateKey", self.private_key).sign(sha256(octets).digest())


@lru_cache(maxsize=KEPT)
def load_key(pem: bytes, selector: str) -> Key:
    """The key of an unencrypted PEM; ValueError where it is no RSA key of at least 2048 bits and no Ed25519 key.

    Kept, since OpenSSL tests the primes of an RSA key for 34 ms and a submitted message asks for its key anew.
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError as mistake:
        raise ValueError(f"DKIM key {selector}: the PEM is encrypted; store it without a pass phrase") from mistake
    match private:
        case RSAPrivateKey() if private.key_size >= RSA_BITS:
            return Key(selector, Algorithm.RSA, private)
        case Ed25519PrivateKey():
            return Key(selector, Algorithm.ED25519, private)
    raise ValueError(f"DKIM key {selector}: neither RSA of at least {RSA_BITS} bits nor Ed25519; make a new one")


def generate_keys(rsa_selector: str, ed25519_selector: str) -> tuple[Key, Key]:
    """A new RSA-2048 and a new Ed25519 key; about 0.1 s."""
    rsa = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    ed25519 = Ed25519PrivateKey.generate()
    return Key(rsa_selector, Algorithm.RSA, rsa), Key(ed25519_selector, Algorithm.ED25519, ed25519)


def pem(key: Key) -> bytes:
    """The private key as `load_key` reads it. Encrypt it before it is stored."""
    return key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def dns_record(key: Key) -> str:
    """The TXT value for `selector._domainkey.domain`, to be split into strings of 255 octets by whoever serves it."""
    public = key.private_key.public_key()
    if key.algorithm is Algorithm.RSA:
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(octets).decode()}"
    return f"v=DKIM1; k=ed25519; p={b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()}"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one domain with all its keys; one header field a key."""

    domain: str
    keys: Sequence[Key]

    def sign(self, message: bytes, now: datetime) -> bytes:
        """The DKIM-Signature fields to put before `message` (CRLF line ends only); now: an aware datetime."""
        header_end = message.find(b"\r\n\r\n")
        header, body_at = (message, len(message)) if header_end < 0 else (message[: header_end + 2], header_end + 4)
        fields = _fields(header)
        named, order = _chosen([name for name, _ in fields])
        signed = b"".join([relaxed_header(*fields[at]) for at in order])
        return self._signed(named, signed, _digest(message, body_at), now)

    def sign_rendered(self, message: Rendered, now: datetime) -> bytes:
        """The same for a message whose canonical pieces are at hand."""
        fields = message.fields
        named, order = _chosen_again(tuple([one.name for one in fields]))
        signed = b"".join([fields[at].relaxed for at in order])
        return self._signed(named, signed, _hashed(message.body.canonical()), now)

    def _signed(self, named: str, signed: bytes, body_digest: bytes, now: datetime) -> bytes:
        body_hash = b64encode(body_digest).decode()
        tags = f"t={int(now.timestamp())};{_FOLD}bh={body_hash};{_FOLD}h={named};{_FOLD}b="
        return b"".join([self._field(key, tags, signed) for key in self.keys])

    def _field(self, key: Key, tags: str, signed: bytes) -> bytes:
        value = f"v=1; a={key.algorithm.value}; c=relaxed/relaxed; d={self.domain};{_FOLD}s={key.selector}; {tags}"
        # The field itself is signed with an empty b= and without its CRLF (RFC 6376 §3.7). Each fold of ours becomes a
        # blank; there is nothing else to relax.
        relaxed = f"dkim-signature:{value.replace(_FOLD, ' ')}"
        signature = b64encode(key.signature(signed + relaxed.encode())).decode()
        lines = [signature[at : at + _WIDTH] for at in range(0, len(signature), _WIDTH)]
        return f"DKIM-Signature: {value}{_FOLD.join(lines)}\r\n".encode()


def _digest(message: bytes, body_at: int) -> bytes:
    if len(message) - body_at <= BLOCK:
        return sha256(linear_relaxed_body(message[body_at:])).digest()
    return _hashed(relaxed_body(memoryview(message)[body_at:]))


def _hashed(blocks: Iterable[bytes]) -> bytes:
    digest = sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def _fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Lower-case names and values; ValueError at the first line that is no field."""
    fields = []
    at = 0
    for found in _FIELD.finditer(header):
        if found.start() != at:
            break
        fields.append((found[1].lower(), found[2]))
        at = found.end()
    if at != len(header):
        raise ValueError(f"message header: {header[at : at + 60]!r} is no header field; nothing was signed")
    if all(name != b"from" for name, _ in fields):
        raise ValueError("message header: no From; nothing was signed (RFC 6376 §5.4)")
    return fields


def _chosen(names: Sequence[bytes]) -> tuple[str, Sequence[int]]:
    """h= for fields of these names, and the places of those it stands for: of several the last first (§5.4.2)."""
    places: dict[bytes, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)
    order = [at for name in _TABLE for at in reversed(places.get(name, ()))]
    return _named(tuple([len(places.get(name, ())) for name in _TABLE])), order


# All messages of a campaign have the same names; those of submitted mail are whatever somebody wrote.
_chosen_again = lru_cache(maxsize=64)(_chosen)


@lru_cache(maxsize=256)
def _named(counts: tuple[int, ...]) -> str:
    """h= where each name of the table is present so often, with a fold before the line gets long."""
    lines = [""]
    for name, count in zip(_TABLE, counts, strict=True):
        for _ in range(count + (name in OVERSIGNED)):
            if len(lines[-1]) + len(name) > _WIDTH:
                lines.append("")
            lines[-1] += f"{name.decode()}:"
    return "\r\n\t".join(lines)[:-1]
