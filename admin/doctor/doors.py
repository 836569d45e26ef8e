"""Every port answers as it should, its certificate is for our name and lasts, and every process says that it lives."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Final

from cryptography import x509

from admin.doctor.finding import Finding, Premises, Verdict

_PATIENCE: Final = 5.0  # seconds for one port
_SOON: Final = timedelta(days=14)
_LATE: Final = timedelta(days=3)

Opening = Callable[[socket.socket], None]


def look(premises: Premises) -> Iterator[Finding]:
    for name, opening in _OPENINGS.items():
        if name in premises.ports:
            yield from _port(premises, name, premises.ports[name], opening)
    for name, port in premises.ports.items():
        if name.startswith("metrics."):
            yield _process(name.removeprefix("metrics."), port)


def _port(premises: Premises, name: str, port: int, opening: Opening) -> Iterator[Finding]:
    what = f"{name}, port {port}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Who vouches for it is looked at from outside; here it is only read.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), _PATIENCE) as plain:
            opening(plain)
            with context.wrap_socket(plain) as secure:
                shown = secure.getpeercert(binary_form=True) or b""
    except OSError as error:
        mend = f"Look at the role's log: `journalctl -u 'mailloft-{name.rstrip('s')}*'`, or that of `mailloft up`."
        yield Finding("ports", what, Verdict.WRONG, f"no TLS handshake: {error}", mend)
        return
    yield Finding("ports", what, Verdict.OK, "answers, with TLS")
    yield _certificate(premises, what, x509.load_der_x509_certificate(shown))


def _certificate(premises: Premises, what: str, shown: x509.Certificate) -> Finding:
    hostname, left = premises.office.hostname, shown.not_valid_after_utc - premises.now
    names: list[str] = []
    with suppress(x509.ExtensionNotFound):
        found = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = found.get_values_for_type(x509.DNSName)
    if hostname not in names and f"*.{hostname.partition('.')[2]}" not in names:
        told = f"it is for {', '.join(names) or 'no name'}, not {hostname}"
        return Finding("certificates", what, Verdict.WRONG, told, f"Get one for {hostname}.")
    verdict = Verdict.OK if left > _SOON else Verdict.WARNING if left > _LATE else Verdict.WRONG
    told = f"until {shown.not_valid_after_utc:%Y-%m-%d}"
    mend = (
        "" if verdict is Verdict.OK else "Renew it; `systemctl list-timers certbot.timer` says whether that is tried."
    )
    return Finding("certificates", what, verdict, told, mend)


def _process(name: str, port: int) -> Finding:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        asking.request("GET", "/healthz")
        status = asking.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return Finding(
            "processes", name, Verdict.WRONG, f"does not answer: {error}", f"Start it, or read its log ({name})."
        )
    finally:
        asking.close()
    if status != 200:
        return Finding("processes", name, Verdict.WRONG, "its loop stands still", "Restart it and keep its log.")
    return Finding("processes", name, Verdict.OK, "lives")


def _at_once(_plain: socket.socket) -> None:
    """TLS from the first octet (RFC 8314)."""


def _smtp(plain: socket.socket) -> None:
    with plain.makefile("rwb") as spoken:
        _expect(spoken.readline(1000), b"220 ")
        spoken.write(b"EHLO localhost\r\n")
        spoken.flush()
        while (line := spoken.readline(1000)).startswith(b"250-"):
            continue
        _expect(line, b"250 ")
        spoken.write(b"STARTTLS\r\n")
        spoken.flush()
        _expect(spoken.readline(1000), b"220 ")


def _imap(plain: socket.socket) -> None:
    with plain.makefile("rwb") as spoken:
        _expect(spoken.readline(8000), b"* OK")
        spoken.write(b"d STARTTLS\r\n")
        spoken.flush()
        _expect(spoken.readline(1000), b"d OK")


def _expect(line: bytes, beginning: bytes) -> None:
    if not line.startswith(beginning):
        raise OSError(f"it said {line[:80]!r}")


_OPENINGS: Final[dict[str, Opening]] = {
    "mx": _smtp, "submission": _smtp, "submissions": _at_once, "imap": _imap, "imaps": _at_once, "admin": _at_once,
}  # fmt: skip
