"""What SCRAM-PLUS binds a sign-in to: the TLS connection under it (RFC 5929 §4, RFC 9266). For the reactor's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from OpenSSL.SSL import Connection

_LENGTH: Final = 32


def data_of(transport: Any, binding: str) -> bytes | None:
    """None where the transport is no TLS, or the binding none that we know."""
    known = _BINDINGS.get(binding)
    tls = transport.getHandle() if hasattr(transport, "getHandle") else None
    return known(tls) if known is not None and isinstance(tls, Connection) else None


def _exporter(tls: Connection) -> bytes | None:
    """Only TLS 1.3 exports what no earlier handshake shares (RFC 9266 §4.2)."""
    if tls.get_protocol_version_name() != "TLSv1.3":
        return None
    return tls.export_keying_material(b"EXPORTER-Channel-Binding", _LENGTH, b"")


def _end_point(tls: Connection) -> bytes | None:
    certificate = tls.get_certificate()
    if certificate is None:
        return None
    kept = certificate.to_cryptography()
    signed = kept.signature_hash_algorithm
    weak = signed is None or isinstance(signed, hashes.MD5 | hashes.SHA1)
    return kept.fingerprint(hashes.SHA256() if weak or signed is None else signed)


_BINDINGS: Final[dict[str, Callable[[Connection], bytes | None]]] = {
    "tls-exporter": _exporter,
    "tls-server-end-point": _end_point,
}
