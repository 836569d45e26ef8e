"""A throwaway PostgreSQL cluster from Debian's binaries: durable as shipped (fsync on), gone with the test session.

PostgreSQL does not run as root, so root hands it to the user `postgres` (or `nobody`); it dies with its parent.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from peers import need
from peers.loopback import answers, free_port, wait_until

_VERSIONS = Path("/usr/lib/postgresql")


class Cluster:
    def __init__(self) -> None:
        """Start it; skips or fails the test by name where Debian's postgresql is not installed."""
        found = sorted(_VERSIONS.glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
        if not found:
            need.lacking("PostgreSQL (Debian package postgresql)")
        self._binaries = found[-1].parent
        self._folder = Path(tempfile.mkdtemp(prefix="mailloft-postgresql-"))
        self._as_user = _unprivileged(self._folder)
        self.port = free_port()
        self._made = 0
        self._start()

    def _start(self) -> None:
        rows = self._folder / "rows"
        initdb = [
            self._binaries / "initdb",
            "-D",
            rows,
            "-U",
            "mailloft",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run([*self._as_user, *initdb], check=True, capture_output=True, cwd="/")
        self._serve()

    def _serve(self) -> None:
        rows = self._folder / "rows"
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self._folder}
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (self._folder / "log").open("ab") as log:
            server = [self._binaries / "postgres", "-D", rows, *settings]
            self._server = subprocess.Popen([*self._as_user, *server], stdout=log, stderr=log, cwd="/")
        wait_until(lambda: answers("127.0.0.1", self.port) and self._ready(), "PostgreSQL answers")

    def _ready(self) -> bool:
        try:
            psycopg.connect(self._dsn("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dsn(self, database: str) -> str:
        return f"postgresql://mailloft@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def down(self) -> Iterator[None]:
        """It is not there meanwhile; every connection is broken off."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(20)
        try:
            yield
        finally:
            self._serve()

    def create(self, template: str = "template1", name: str | None = None) -> str:
        """The URL of a new database, a copy of `template`."""
        self._made += 1
        name = name or f"test_{self._made}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self._dsn(name)

    def drop(self, url: str) -> None:
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def stop(self) -> None:
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _unprivileged(folder: Path) -> list[str]:
    """What to put before a command so that it runs without privilege, owns `folder`, and ends with us."""
    command = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return command
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [*command, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
