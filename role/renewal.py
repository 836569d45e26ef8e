"""A certificate that is renewed while the role runs: taken from its files when they change, without a restart.

Called from the role's beat, so a new one is in force within a second or two; connections that stand keep theirs.
Crash case: between the two files of a renewal key and certificate do not fit; the old pair stays in force, that is
told once, and the next change of the certificate's file is another try. Whoever renews puts the key first.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography import x509
from prometheus_client import Gauge

from role.log import EventLog

EXPIRES: Final = Gauge(
    "mailloft_certificate_expires_timestamp_seconds", "When the certificate that is shown ends, seconds since 1970"
)


class Renewal:
    """`load` takes the files into the context that listens; it raises where they do not fit or cannot be read."""

    def __init__(self, certificate: Path, load: Callable[[], None], log: EventLog) -> None:
        self._certificate = certificate
        self._load = load
        self._log = log
        self._seen = _mark(certificate)
        _measure(certificate)

    def look(self) -> None:
        mark = _mark(self._certificate)
        if mark is None or mark == self._seen:
            return
        self._seen = mark
        try:
            self._load()
        except Exception as error:  # noqa: BLE001 - OpenSSL's bindings raise classes of their own; the old pair serves on
            self._log.error("tls.renewal", raised=error, certificate=str(self._certificate))
        else:
            _measure(self._certificate)
            self._log.info("tls.renewed", certificate=str(self._certificate))


def renewal_of(context: ssl.SSLContext, certificate: Path, private_key: Path, log: EventLog) -> Renewal:
    """For the roles that listen with Python's own contexts: each handshake from now on shows the new certificate."""

    def load() -> None:
        # A pair that does not fit would leave the context that listens with neither: it is tried elsewhere first.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key)
        context.load_cert_chain(certificate, private_key)

    return Renewal(certificate, load, log)


def _mark(file: Path) -> tuple[int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino


def _measure(certificate: Path) -> None:
    # Whether it can be read at all is the affair of who loads it.
    with suppress(OSError, ValueError):
        EXPIRES.set(x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp())
