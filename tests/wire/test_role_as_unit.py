"""A role alone in its process, as systemd starts it: sockets and keys passed in, readiness and heartbeat told."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from admin.roles import ROLES, Role

_SETTINGS = """
[server]
hostname = "mx.unit.test"
[outbound]
sources = [{ address = "127.0.0.2", ehlo = "out1.unit.test" }]
"""
# systemd names the process in LISTEN_PID, which only that process can know before it becomes the role.
_BECOME = 'exec 3<&$FIRST 4<&$SECOND 5<&$THIRD; export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"'


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `mailloft migrate --config` leaves it, with a certificate, and its settings in mailloft.toml."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "mailloft.toml").write_text(_SETTINGS)
    _mailloft("migrate", "--config", str(folder / "mailloft.toml"), "--dir", str(folder))
    _certify(folder)
    return folder


def _mailloft(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "admin.cli", *words], capture_output=True, text=True, check=True, timeout=60
    )


def _certify(folder: Path) -> None:
    from datetime import UTC, datetime

    from admin import certificates

    certificates.ensure(folder, "mx.unit.test", datetime.now(UTC))


def _listening() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.set_inheritable(True)
    return made


@contextmanager
def started(folder: Path, role: str, credentials: Path, names: str) -> Iterator[tuple[list[int], socket.socket]]:
    """The role with sockets named `names`, three at most; their ports, and where it tells systemd what."""
    with ExitStack() as stack:
        told = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        sockets = [stack.enter_context(_listening()) for _ in range(3)]
        told.bind(str(credentials / "notify"))
        told.settimeout(30)
        environment = {
            **os.environ,
            **{place: str(one.fileno()) for place, one in zip(("FIRST", "SECOND", "THIRD"), sockets, strict=True)},
            "LISTEN_FDS": str(len(names.split(":"))),
            "LISTEN_FDNAMES": names,
            "NOTIFY_SOCKET": str(credentials / "notify"),
            "WATCHDOG_USEC": "1000000",
            "CREDENTIALS_DIRECTORY": str(credentials),
        }
        arguments = ["role", role, "--config", str(folder / "mailloft.toml"), "--dir", str(folder)]
        process = subprocess.Popen(
            ["bash", "-c", _BECOME, "bash", sys.executable, "-m", "admin.cli", *arguments],
            env=environment, pass_fds=[one.fileno() for one in sockets], stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield [one.getsockname()[1] for one in sockets], told
            process.send_signal(signal.SIGTERM)
            assert process.wait(12) == 0
        finally:
            process.kill()
            process.wait()


def test_a_role_answers_on_the_sockets_of_its_unit_and_says_that_it_lives(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes((installed / "master.key").read_bytes())
    with started(installed, "mx", tmp_path, "mx:metrics") as (ports, told):
        assert told.recv(100) == b"READY=1"
        # Each at most once in half of the second that the unit allows; two show that it goes on.
        assert [told.recv(100), told.recv(100)] == [b"WATCHDOG=1"] * 2
        with smtplib.SMTP("127.0.0.1", ports[0], timeout=10) as smtp:
            assert b"mx.unit.test" in smtp.ehlo("peer.test")[1]


@pytest.mark.parametrize("role", [role for role in ROLES if role.name != "mx"], ids=lambda role: role.name)
def test_every_other_role_says_so_too(installed: Path, tmp_path: Path, role: Role) -> None:
    for name in ("master.key", "signing.key"):
        (tmp_path / name).write_bytes((installed / name).read_bytes())
    with started(installed, role.name, tmp_path, ":".join((*role.sockets, "metrics"))) as (_, told):
        # Some say that they live before they are ready.
        assert sorted(told.recv(100) for _ in range(3)) == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_a_role_without_its_sockets_names_the_unit_to_start(installed: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        _mailloft("role", "mx", "--config", str(installed / "mailloft.toml"), "--dir", str(installed))
    assert "no socket named mx, metrics was passed" in failed.value.stderr


def test_a_role_that_does_not_exist_or_has_no_such_number_is_refused_by_name(installed: Path) -> None:
    for words, said in ((("postman",), "there is no role 'postman'"), (("sender", "--position", "3"), "no number 3")):
        with pytest.raises(subprocess.CalledProcessError) as failed:
            _mailloft("role", *words, "--config", str(installed / "mailloft.toml"), "--dir", str(installed))
        assert said in failed.value.stderr


def test_only_who_holds_the_private_half_opens_a_signing_key(installed: Path) -> None:
    from store.secrets import SigningBox

    public = SigningBox(public=(installed / "signing.pub").read_bytes())
    private = SigningBox(private=(installed / "signing.key").read_bytes())
    sealed = public.seal(b"a key", "dkim/a.test/r1")
    assert private.unseal(sealed, "dkim/a.test/r1") == b"a key"
    with pytest.raises(ValueError, match="not given the private key"):
        public.unseal(sealed, "dkim/a.test/r1")
    with pytest.raises(ValueError, match="was sealed for dkim/a.test/r1"):
        private.unseal(sealed, "dkim/b.test/r1")


def test_the_group_of_the_roles_may_write_the_databases_and_nobody_else_reads_them(installed: Path) -> None:
    made = {file.name: file.stat().st_mode & 0o777 for file in installed.glob("*.db")}
    assert made == {"core.db": 0o660, "mail.db": 0o660, "events.db": 0o660}
    assert {(installed / name).stat().st_mode & 0o777 for name in ("master.key", "signing.key")} == {0o600}
