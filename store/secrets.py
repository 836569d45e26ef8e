"""Secrets: sealed where we must read them again, hashed where we only compare.

The appliance has one master key of 32 octets (a file of mode 0600, or a systemd credential). From it come, each
for one purpose, the key that seals passwords and tokens (ChaCha20-Poly1305), the key of the hash of generated
secrets, and the key that signs addresses and links. People's passwords are argon2id only.

DKIM keys are sealed to a key pair of their own (X25519, `SigningBox`): whoever makes one needs the public half alone,
and only the sender is given the private half, so that no other process can sign in a customer's name.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

_NONCE = 12
_HASHER = PasswordHasher()


class SigningBox:
    """Where DKIM keys are kept: whoever has the public half puts in, whoever has the private half takes out."""

    def __init__(self, *, public: bytes = b"", private: bytes = b"") -> None:
        """32 octets each; the public half follows from the private one. ValueError where a half is damaged."""
        try:
            self._private = PrivateKey(private) if private else None
            self._public = self._private.public_key if self._private else PublicKey(public) if public else None
        except (TypeError, CryptoError) as error:
            raise ValueError(f"the key of the signing keys is damaged: {error}") from error

    @property
    def public(self) -> bytes:
        return bytes(self._public) if self._public else b""

    def seal(self, secret: bytes, place: str) -> bytes:
        """Encrypted for `place` (table and row's name). ValueError where this process has no half."""
        if self._public is None:
            raise ValueError(f"this process was not given the public key that seals {place}")
        return SealedBox(self._public).encrypt(place.encode() + b"\0" + secret)

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """ValueError where it was sealed to another key or for another place, or this process may not read it."""
        if self._private is None:
            raise ValueError(f"this process was not given the private key that opens {place}")
        try:
            where, _, secret = SealedBox(self._private).decrypt(sealed).partition(b"\0")
        except CryptoError as error:
            raise ValueError(f"the secret of {place} does not open with this private key") from error
        if where != place.encode():
            raise ValueError(f"the secret of {place} was sealed for {where.decode('utf-8', 'replace')}")
        return secret


class Vault:
    """What the master key can do. `derived(purpose)` gives 32 octets that no other purpose shares."""

    def __init__(self, master: bytes, signing: SigningBox | None = None) -> None:
        """`signing`: where DKIM keys are kept; None in a process that has no part in them."""
        if len(master) != 32:
            raise ValueError(f"the master key has {len(master)} octets, not 32")
        self.signing = signing or SigningBox()
        self._master = master
        self._cipher = ChaCha20Poly1305(self.derived("seal"))
        self._hash_key = self.derived("generated secrets")

    def derived(self, purpose: str) -> bytes:
        return hmac.digest(self._master, purpose.encode(), hashlib.sha256)

    def seal(self, secret: bytes, place: str) -> bytes:
        """Encrypted for `place` (table and row's name): moved elsewhere it does not open."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, place.encode())

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """ValueError where it was sealed by another master key or for another place."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except InvalidTag as error:
            raise ValueError(f"the secret of {place} does not open with this master key") from error

    def hash_generated(self, secret: str) -> bytes:
        """Keyed SHA-256: enough for 160 random bits, and fast."""
        return hmac.digest(self._hash_key, secret.encode(), hashlib.sha256)

    def scram_salt(self, name: str) -> bytes:
        """The salt of all SCRAM keys of an address, and of an address that nobody has."""
        return self.derived(f"scram salt: {name}")[:16]


def generate_secret() -> str:
    """160 random bits, 32 letters and digits without look-alikes."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(32))


def hash_password(password: str) -> str:
    """argon2id of a person's password; 0.14 s and 64 MiB, so never on an event loop."""
    return _HASHER.hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
