"""The IMAP role in a process of its own, on stores that the test fills, with what tests say to it.

`python -m peers.imap_role` is the process: it reads a JSON line (folder, location, settings), binds free ports,
prints them once the role answers, and serves until SIGTERM.
"""

from __future__ import annotations

import ctypes
import imaplib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import trustme

from imap import daemon
from peers.imap_line import Talk as Talk
from peers.vaults import whole_vault
from role.context import Context
from role.log import EventLog
from store import domains, mailboxes, projects
from store.secrets import hash_password
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores, open_stores

ROOT = Path(__file__).parents[2]
MASTER = b"m" * 32
SECRET = "abcdefghijkmnpqrstuvwxyz23456789"
ANN = "ann@ours.test"
BOB = "bob@ours.test"  # signs in with BOBS_OWN, which he chose himself
BOBS_OWN = "correct horse"


@dataclass
class ImapRole:
    """`ports`: "imap", "imaps", "metrics"."""

    folder: Path
    location: str
    settings: Mapping[str, Any]
    process: subprocess.Popen[bytes] | None = None
    ports: Mapping[str, int] = field(default_factory=dict)

    def start(self) -> None:
        log = (self.folder / "imap.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "peers.imap_role"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"folder": str(self.folder), "location": self.location, "settings": dict(self.settings)}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.close()
        line = self.process.stdout.readline()
        assert line, f"imap did not start: {self.log()[-3000:]}"
        self.ports = json.loads(line)

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return (self.folder / "imap.log").read_text()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def client(self, login: str = ANN, password: str = SECRET) -> imaplib.IMAP4_SSL:
        """Python's imaplib over TLS, signed in."""
        client = imaplib.IMAP4_SSL("localhost", self.ports["imaps"], ssl_context=self.trust(), timeout=20)
        client.login(login, password)
        return client

    def talk(self, source: str = "127.0.0.1") -> Talk:
        """A raw connection to the port without TLS, its greeting read."""
        talk = Talk(self.ports["imap"], source)
        talk.line()
        return talk

    def signed_in(self, login: str = ANN, password: str = SECRET) -> Talk:
        """A raw connection under TLS, signed in."""
        talk = self.talk()
        talk.say(b"t STARTTLS")
        talk.encrypt(self.trust())
        assert talk.say(b"l LOGIN %b {%d+}\r\n%b" % (login.encode(), len(password), password.encode()))[-1].startswith(
            b"l OK"
        )
        return talk


def settle_accounts(stores: Stores) -> dict[str, int]:
    """Ann with a generated password, Bob with one he chose; their ids by address."""
    now = datetime.now(UTC)
    vault = whole_vault(MASTER)
    hashes = {ANN: mailboxes.generated_hash(vault, SECRET, ANN), BOB: hash_password(BOBS_OWN)}
    with stores.core.database.write() as tx:
        project = projects.create(tx, "p", campaigns_allowed=True, now=now).id
        domain = domains.create(tx, project, "ours.test", "t", (), now).id
        domains.set_states(tx, domain, dict.fromkeys(domains.STATES, True))
        return {
            address: mailboxes.create(tx, project, domain, address, kept, None, now) for address, kept in hashes.items()
        }


@contextmanager
def serving(folder: Path, location: str, **settings: Any) -> Iterator[ImapRole]:
    """The role, running; its sections of settings by name. Stopped by SIGTERM at the end, unless it has ended."""
    (folder / "spool").mkdir(exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost", "127.0.0.1", common_name="localhost")  # some read nothing but that
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    role = ImapRole(folder, location, settings)
    role.start()
    try:
        yield role
    finally:
        if role.process is not None and role.process.poll() is None:
            role.stop()


def _main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    order = json.loads(sys.stdin.readline())
    folder = Path(order["folder"])
    sockets = {name: socket.socket() for name in ("imap", "imaps", "metrics")}
    for one in sockets.values():
        one.bind(("127.0.0.1", 0))
    sockets["metrics"].listen(16)
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    context = Context(
        name="imap", position=0, of=1, node="test",
        settings=msgspec.convert(order["settings"], Settings, strict=False),
        stores=open_stores(order["location"]), spool=Spool(folder / "spool"), vault=whole_vault(MASTER),
        log=EventLog("imap"), certificate=folder / "chain.pem", private_key=folder / "key.pem",
        sockets=sockets, public_url="https://ours.test",
        ready=lambda: print(json.dumps(ports), flush=True),
    )  # fmt: skip
    daemon.run(context)


if __name__ == "__main__":
    _main()
