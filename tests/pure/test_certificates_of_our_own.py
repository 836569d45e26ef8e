"""The appliance's own CA and server certificate."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from admin import certificates

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def handshake(folder: Path, name: str) -> None:
    """A whole TLS handshake in memory, with every check that Python can make."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=folder / "ca.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    done = set[ssl.SSLObject]()
    for side in (ours, theirs) * 6:
        if side not in done:
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    assert done == {ours, theirs}


def test_a_client_that_trusts_the_ca_takes_the_certificate_by_each_name(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, "mx.example.test", datetime.now(UTC))
    for name in ("mx.example.test", "localhost", "127.0.0.1"):
        handshake(tmp_path, name)


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, "a.test", NOW)
    assert {file.stat().st_mode & 0o077 for file in tmp_path.glob("*.key")} == {0}


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, "a.test", NOW)
    before = content(tmp_path)
    certificates.ensure(tmp_path, "a.test", NOW + timedelta(days=100))
    assert content(tmp_path) == before


def test_another_hostname_or_a_near_end_makes_a_new_certificate_of_the_same_ca(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, "a.test", NOW)
    first = content(tmp_path)
    certificates.ensure(tmp_path, "b.test", NOW)
    second = content(tmp_path)
    certificates.ensure(tmp_path, "b.test", NOW + timedelta(days=380))
    third = content(tmp_path)
    assert first["ca.pem"] == second["ca.pem"] == third["ca.pem"]
    assert len({first["server.pem"], second["server.pem"], third["server.pem"]}) == 3


def test_a_key_that_does_not_fit_its_certificate_is_made_again(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, "a.test", NOW)
    (tmp_path / "server.key").write_bytes((tmp_path / "ca.key").read_bytes())
    certificates.ensure(tmp_path, "a.test", datetime.now(UTC))
    handshake(tmp_path, "a.test")
