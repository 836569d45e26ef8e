"""A renewed certificate is in force on every TLS port within seconds; half of a renewal changes nothing."""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from admin import certificates
from peers.appliance import Appliance
from peers.loopback import wait_until

TLS_PORTS = ("submissions", "imaps")
SHOWING = {"mx", "submission", "imap-1", "imap-2", "admin"}


def _anything() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shown(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as plain, _anything().wrap_socket(plain) as secure:
        return secure.getpeercert(binary_form=True) or b""


def _shown_by_mx(port: int) -> bytes:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        smtp.starttls(context=_anything())
        assert isinstance(smtp.sock, ssl.SSLSocket)
        return smtp.sock.getpeercert(binary_form=True) or b""


def test_a_renewed_certificate_is_shown_and_one_that_does_not_fit_its_key_is_not(
    appliance: Callable[..., Appliance], tmp_path: Path
) -> None:
    _certify(tmp_path)
    settings = f'[tls]\ncertificate = "{tmp_path / "server.pem"}"\nprivate_key = "{tmp_path / "server.key"}"\n'
    ready = appliance(settings).ready
    admin = int(ready["admin"].rsplit(":", 1)[1])

    def shown() -> set[bytes]:
        return {_shown(admin), _shown_by_mx(ready["mx"]), *(_shown(ready[name]) for name in TLS_PORTS)}

    first = ssl.PEM_cert_to_DER_cert(_leaf(tmp_path))
    assert shown() == {first}
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    _certify(fresh)
    (fresh / "server.pem").replace(tmp_path / "server.pem")  # half of a renewal: the certificate is new, the key is not
    wait_until(lambda: _told(tmp_path) == SHOWING, "each process that shows it tells that they do not fit", 30)
    assert shown() == {first}
    (fresh / "server.key").replace(tmp_path / "server.key")
    (tmp_path / "server.pem").touch()
    wait_until(lambda: shown() == {ssl.PEM_cert_to_DER_cert(_leaf(tmp_path))}, "every port shows the new one", 15)


def _certify(folder: Path) -> None:
    certificates.ensure(folder, "mailloft.test", datetime.now(UTC))


def _leaf(folder: Path) -> str:
    whole = (folder / "server.pem").read_text()
    return whole[: whole.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----") + 1]


def _told(folder: Path) -> set[str]:
    lines = [line for file in folder.glob("appliance-*/log") for line in file.read_text().splitlines()]
    events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return {event["role"] for event in events if event["event"] == "tls.renewal"}
