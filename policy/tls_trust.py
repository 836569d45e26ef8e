"""Whether the certificates that a host showed are those it should have: by the authorities, or by its TLSA records.

Pure: the chain as the host sent it (DER, its own first), the names it may be called, and now. Called by
net/tls_policy.py after each handshake. RFC 5280 paths by OpenSSL; RFC 7672 and RFC 7671 for DANE. Nothing here raises
for what a host sends. (cryptography's own verifier lost: it refuses what private authorities commonly issue.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256, sha512
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError, X509StoreFlags


class FaultKind(Enum):
    """What was wrong with a host's TLS; the words are those of reports (RFC 8460 §4.3)."""

    NO_STARTTLS = "starttls-not-supported"
    HOST_MISMATCH = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    FAILED = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    octets: bytes

    @property
    def usable(self) -> bool:
        """DANE-TA and DANE-EE alone are for SMTP (RFC 7672 §3.1.3)."""
        return self.usage in (_TA, _EE) and self.selector in (0, 1) and self.matching in _DIGESTS

    def matches(self, certificate: x509.Certificate) -> bool:
        if self.selector == 0:
            octets = certificate.public_bytes(Encoding.DER)
        else:
            octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = _DIGESTS[self.matching]
        return self.octets == (octets if digest is None else digest(octets).digest())


_TA: Final = 2
_EE: Final = 3
_DATES: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_DIGESTS: Final = {0: None, 1: sha256, 2: sha512}


def untrusted(chain: Sequence[bytes], names: Sequence[str], roots: X509Store | None, now: datetime) -> Fault | None:
    """None where the chain leads to one of `roots` and the certificate is for one of `names`."""
    certificates = _parsed(chain)
    if isinstance(certificates, Fault):
        return certificates
    if roots is None:
        return Fault(FaultKind.NOT_TRUSTED, "no certificate authority is known here")
    return _path(certificates, names, roots, now)


def dane_fault(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime) -> Fault | None:
    """None where one of the usable records matches: the certificate itself, or an authority in its chain.

    DANE-EE asks neither for a name nor for dates (RFC 7672 §3.1.1); DANE-TA asks for both (§3.1.2).
    """
    certificates = _parsed(chain)
    if isinstance(certificates, Fault):
        return certificates
    if any(record.usage == _EE and record.matches(certificates[0]) for record in records):
        return None
    anchors = [
        one for one in certificates[1:] if any(record.usage == _TA and record.matches(one) for record in records)
    ]
    faults = [_path(certificates, names, _anchored(anchor), now) for anchor in anchors]
    if None in faults:
        return None
    return faults[0] if faults else Fault(FaultKind.FAILED, "no certificate of the host matches a TLSA record")


def _anchored(anchor: x509.Certificate) -> X509Store:
    """An authority need not be a root: the record vouches for it."""
    store = X509Store()
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
    store.add_cert(X509.from_cryptography(anchor))
    return store


def _parsed(chain: Sequence[bytes]) -> list[x509.Certificate] | Fault:
    try:
        certificates = [x509.load_der_x509_certificate(octets) for octets in chain]
        for certificate in certificates:
            certificate.public_key()
    except Exception as error:  # noqa: BLE001 - a stranger's octets; what the parser raises for them is not promised
        return Fault(FaultKind.FAILED, f"a certificate cannot be read: {error}")
    return certificates or Fault(FaultKind.FAILED, "the host showed no certificate")


def _path(
    certificates: Sequence[x509.Certificate], names: Sequence[str], roots: X509Store, now: datetime
) -> Fault | None:
    leaf, *others = certificates
    roots.set_time(now)
    context = X509StoreContext(roots, X509.from_cryptography(leaf), [X509.from_cryptography(one) for one in others])
    try:
        context.verify_certificate()
    except X509StoreContextError as error:
        code, depth, words = error.errors
        kind = FaultKind.EXPIRED if code in _DATES else FaultKind.NOT_TRUSTED
        return Fault(kind, f"certificate not trusted: {words} (at depth {depth})")
    return _name_fault(leaf, names)


def _name_fault(leaf: x509.Certificate, names: Sequence[str]) -> Fault | None:
    """DNS names alone count (RFC 8461 §4.2), and none for other uses than a server's."""
    try:
        called = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        certified = called.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        certified = []
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        usage = None
    if usage is not None and not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {
        *usage
    }:
        return Fault(FaultKind.NOT_TRUSTED, "certificate is not a server's")
    if any(_called(pattern, name) for pattern in certified for name in names):
        return None
    return Fault(FaultKind.HOST_MISMATCH, f"certificate is for {', '.join(certified[:5]) or 'nobody'}, not {names[0]}")


def _called(pattern: str, name: str) -> bool:
    """A wildcard is the whole left-most label and stands for exactly one (RFC 6125 §6.4.3)."""
    pattern, name = pattern.rstrip(".").lower(), name.rstrip(".").lower()
    if pattern.startswith("*.") and "." in pattern[2:]:
        return name.partition(".")[2] == pattern[2:]
    return pattern == name
