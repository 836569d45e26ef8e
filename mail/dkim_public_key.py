"""The public key of a DKIM key record, as OpenSSL's object, kept while it is in use (RFC 6376 §3.6.1, RFC 8463).

Pure. Asked by mail/dkim_verify. Raises mail.dkim_claim.UnusableError.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mail.dkim_claim import UnusableError, octets_of, tags_of

_KEPT: Final = 1024

PublicKey = RSAPublicKey | Ed25519PublicKey


@lru_cache(maxsize=_KEPT)
def load_record(record: str) -> tuple[str, bool, PublicKey]:
    """Type, whether it is for its very domain alone, and the key of a record (§3.6.1). Raises UnusableError."""
    tags = tags_of(record)
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise UnusableError("the key record is of another version")
    if "sha256" not in tags.get("h", "sha256").split(":"):
        raise UnusableError("the key is not for SHA-256")
    if not {"*", "email"} & set(tags.get("s", "*").split(":")):
        raise UnusableError("the key is not for mail")
    if not tags.get("p"):
        raise UnusableError("the key was withdrawn" if "p" in tags else "no key in the record")
    key_type = tags.get("k", "rsa")
    return key_type, "s" in tags.get("t", "").split(":"), _public(key_type, octets_of("p", tags["p"]))


def _public(key_type: str, octets: bytes) -> PublicKey:
    try:
        if key_type == "ed25519":
            return Ed25519PublicKey.from_public_bytes(octets)
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableError("the key cannot be read") from error
    if key_type != "rsa" or not isinstance(key, RSAPublicKey):
        raise UnusableError("the key is of no known type")
    return key


def holds(key: PublicKey, signature: bytes, octets: bytes) -> bool:
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, octets, PKCS1v15(), SHA256())
        else:
            key.verify(signature, sha256(octets).digest())  # RFC 8463 §3: the digest is signed, not the text
    except InvalidSignature:
        return False
    return True
