"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side (RFC 5802, RFC 7677; channel bindings: RFC 5929, RFC 9266).

Pure: nonces are arguments. Called by imap/commands/entering. For passwords that we made ourselves: an account's share
one salt, so that a client's one proof can be held against all of them. ScramError for what is no such message.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from typing import Final

ITERATIONS: Final = 4096  # RFC 7677 §4; our secrets have 160 bits, more rounds would guard nothing
LENGTH: Final = 32
_HEADER: Final = re.compile(rb"(n|y|p=([A-Za-z0-9.-]{1,50})),(?:a=([^,]*))?,")
_FIRST: Final = re.compile(rb"n=([^,\0]+),r=([!-+\--~]{1,200})(?:,.*)?", re.DOTALL)
_FINAL: Final = re.compile(rb"(c=([A-Za-z0-9+/]+={0,2}),r=([!-+\--~]{1,400})(?:,[^,]*)*),p=([A-Za-z0-9+/]+={0,2})")


class ScramError(ValueError):
    """The client's message is none of the grammar, or binds to another channel; the text says what."""


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What is kept of a password: neither tells it, nor lets anyone sign in with it."""

    stored: bytes
    server: bytes


@dataclass(frozen=True, slots=True)
class First:
    """`binding`: the name of the channel binding that the client uses; None: none."""

    header: bytes
    binding: str | None
    on_behalf: str
    login: str
    nonce: bytes
    bare: bytes


def keys_of(password: str, salt: bytes) -> ScramKeys:
    """1.3 ms."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = _mac(salted, b"Client Key")
    return ScramKeys(hashlib.sha256(client).digest(), _mac(salted, b"Server Key"))


def first(message: bytes, plus: bool) -> First:
    """`plus`: the client chose the -PLUS mechanism. One that thinks we have none was lied to on the way (§6)."""
    header = _HEADER.match(message)
    found = _FIRST.fullmatch(message, header.end()) if header else None
    if header is None or found is None:
        raise ScramError("that is no client-first-message (RFC 5802 §7)")
    if (header[2] is not None) is not plus or header[1] == b"y":
        raise ScramError("the channel binding is not that of the mechanism")
    binding = header[2].decode() if header[2] else None
    bare = message[header.end() :]
    return First(header[0], binding, _name(header[3] or b""), _name(found[1]), found[2], bare)


def challenge(client: First, nonce: bytes, salt: bytes) -> bytes:
    """The server-first-message."""
    return b"r=%b%b,s=%b,i=%d" % (client.nonce, nonce, b64encode(salt), ITERATIONS)


@dataclass(frozen=True, slots=True)
class Proof:
    """A client-final-message that answers our challenge on this channel."""

    signed: bytes
    proof: bytes

    def proves(self, keys: ScramKeys) -> bool:
        """Whether who sent it knows the password of these keys."""
        client = bytes(one ^ other for one, other in zip(self.proof, _mac(keys.stored, self.signed), strict=True))
        return hmac.compare_digest(hashlib.sha256(client).digest(), keys.stored)

    def answer(self, keys: ScramKeys) -> bytes:
        """The server-final-message, which proves that we know them too."""
        return b"v=" + b64encode(_mac(keys.server, self.signed))


def final(message: bytes, client: First, ours: bytes, channel: bytes) -> Proof:
    """`ours`: the challenge; `channel`: the data of the binding that the client named, empty for none."""
    found = _FINAL.fullmatch(message)
    if found is None:
        raise ScramError("that is no client-final-message (RFC 5802 §7)")
    if _decoded(found[2]) != client.header + channel:
        raise ScramError("bound to another channel: somebody stands between")
    if not ours.startswith(b"r=" + found[3] + b","):
        raise ScramError("another nonce than ours")
    proof = _decoded(found[4])
    if len(proof) != LENGTH:
        raise ScramError(f"a proof has {LENGTH} octets")
    return Proof(b",".join((client.bare, ours, found[1])), proof)


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def _name(octets: bytes) -> str:
    try:
        name = octets.decode()
    except UnicodeDecodeError as error:
        raise ScramError("names are UTF-8") from error
    if re.search("=(?!2C|3D)", name):
        raise ScramError("= in a name is =3D")
    return name.replace("=2C", ",").replace("=3D", "=")


def _decoded(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except BadBase64 as error:
        raise ScramError("that is no base64") from error
