"""One SMTP role of ours in a process of its own, on stores and a zone that the test fills.

`python -m peers.smtp_role` is the process: it reads a JSON line (role, folder, location, settings), binds free ports,
prints them once the role answers, and serves until SIGTERM.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import trustme

from peers.vaults import whole_vault
from role.context import Context
from role.log import EventLog
from store import connections, domains, mailboxes, projects, senders
from store.secrets import Vault
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores, open_stores

ROOT = Path(__file__).parents[2]
MASTER = b"m" * 32
MODULES = {
    "mx": "mta.inbound.daemon",
    "submission": "mta.submission.daemon",
    "sorter": "mta.inbound.sort_daemon",
    "sender": "mta.outbound.daemon",
}
SOCKETS = {"mx": ("mx",), "submission": ("submission", "submissions"), "sorter": (), "sender": ()}
SECRET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass
class Running:
    """`ports` by the names of Context.sockets; `log` the lines that the role wrote."""

    process: subprocess.Popen[bytes]
    ports: Mapping[str, int]
    log_file: Path

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_file.read_bytes().splitlines() if line.startswith(b"{")]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Premises:
    """Where roles run: databases, spool, certificate, the zone's name server."""

    folder: Path
    location: str
    stores: Stores
    settings: dict[str, Any]

    @property
    def vault(self) -> Vault:
        return whole_vault(MASTER)

    @property
    def spool(self) -> Spool:
        return Spool(self.folder / "spool")

    @contextmanager
    def role(self, name: str, **limits: Any) -> Iterator[Running]:
        running = self.start(name, **limits)
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
                running.process.wait(15)

    def start(self, name: str, **limits: Any) -> Running:
        settings = {**self.settings, "limits": limits} if limits else self.settings
        log_file = self.folder / f"{name}.log"
        process = subprocess.Popen(
            [sys.executable, "-m", "peers.smtp_role"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log_file.open("ab"),
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"role": name, "folder": str(self.folder), "location": self.location, "settings": settings}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.close()
        line = process.stdout.readline()
        assert line, f"{name} did not start: {log_file.read_text()[-2000:]}"
        return Running(process, json.loads(line), log_file)


def furnish(folder: Path, location: str, stores: Stores, name_server: str) -> Premises:
    (folder / "spool").mkdir(exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("mx.ours.test", "localhost", "127.0.0.1")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "key.pem")
    settings = {"server": {"hostname": "mx.ours.test"}, "dns": {"servers": [name_server], "timeout": "PT2S"}}
    return Premises(folder, location, stores, settings)


@contextmanager
def premises_in(
    folder: Path, migrated: Path, records: Sequence[tuple[str, str, str]] = (), faults: Mapping[str, str] = {}
) -> Iterator[Premises]:
    """With databases of its own, copied from `migrated`, and a lab name server with `records`."""
    location = folder / "databases"
    shutil.copytree(migrated, location)
    stores = open_stores(str(location))
    with name_server(folder, records, faults) as server:
        yield furnish(folder, str(location), stores, server)
    stores.close()


@dataclass(frozen=True)
class Tenant:
    """One project with a linked, sending domain, two mailboxes and an active connection of the first."""

    project: int
    domain: int
    ann: int
    bob: int
    connection: int


def settle_tenant(stores: Stores, domain: str = "ours.test", *, linked: bool = True) -> Tenant:
    now = datetime.now(UTC)
    vault = whole_vault(MASTER)
    with stores.core.database.write() as tx:
        project = projects.create(tx, domain, campaigns_allowed=True, now=now).id
        made = domains.create(tx, project, domain, "token", (), now)
        domains.set_states(tx, made.id, {"owned": True, "sending": True, "linked": linked})
        ann, bob = (
            mailboxes.create(
                tx, project, made.id, f"{name}@{domain}", mailboxes.generated_hash(vault, SECRET), None, now
            )
            for name in ("ann", "bob")
        )
        sender = senders.create(tx, project, f"ann@{domain}", f"ann@{domain}", "Ann", now, now)
        secret_hash = vault.hash_generated(SECRET)
        login = f"shop.{domain}"
        link = connections.create(tx, project, sender.id, f"shop {domain}", login, secret_hash, connections.ACTIVE, now)
    return Tenant(project, made.id, ann, bob, link.id)


@contextmanager
def name_server(folder: Path, records: Sequence[tuple[str, str, str]], faults: Mapping[str, str] = {}) -> Iterator[str]:
    """host:port of a lab name server with these (host, type, value)."""
    zone = folder / "zone.json"
    listed = [{"host": host, "type": kind, "value": value} for host, kind, value in records]
    zone.write_text(json.dumps({"records": listed, "faults": dict(faults), "ttl": 60}))
    command = [sys.executable, "-m", "lab.nameserver", "--zone", str(zone), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield str(json.loads(server.stdout.readline())["listening"])
        finally:
            server.terminate()


def trusting(premises: Premises) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(premises.folder / "ca.pem"))


class Talk:
    """A raw SMTP client: what is said is exactly what is sent."""

    def __init__(self, port: int, address: str = "127.0.0.1", source: str = "127.0.0.1", timeout: float = 20) -> None:
        self.socket = socket.create_connection((address, port), timeout=timeout, source_address=(source, 0))
        self.socket.settimeout(timeout)
        self._buffer = b""

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply(self) -> str:
        """One whole reply, lines joined by newline; "" where the peer closed."""
        lines = []
        while True:
            while b"\r\n" not in self._buffer:
                try:
                    block = self.socket.recv(65536)
                except ConnectionError:
                    block = b""
                if not block:
                    return "\n".join(lines)
                self._buffer += block
            line, self._buffer = self._buffer.split(b"\r\n", 1)
            lines.append(line.decode())
            if line[3:4] != b"-":
                return "\n".join(lines)

    def say(self, line: str) -> str:
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def begin(self, reverse_path: str = "", *forward_paths: str) -> list[str]:
        """Greeting, EHLO, MAIL, each RCPT: the replies to MAIL and RCPT."""
        self.reply()
        self.say("EHLO client.test")
        return [self.say(f"MAIL FROM:<{reverse_path}>"), *(self.say(f"RCPT TO:<{path}>") for path in forward_paths)]

    def starttls(self, context: ssl.SSLContext, hostname: str = "localhost") -> None:
        assert self.say("STARTTLS").startswith("220")
        self.socket = context.wrap_socket(self.socket, server_hostname=hostname)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def deliver(port: int, reverse_path: str, forward_paths: Sequence[str], message: bytes) -> str:
    """Send one message; the reply to its final dot, or the first refusal."""
    with Talk(port) as talk:
        for reply in talk.begin(reverse_path, *forward_paths):
            if not reply.startswith("250"):
                return reply
        assert talk.say("DATA").startswith("354")
        talk.send(message.replace(b"\r\n.", b"\r\n..") + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"))
        return talk.reply()


def smtp(port: int) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", port, timeout=20)


def _main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    order = json.loads(sys.stdin.readline())
    name, folder = order["role"], Path(order["folder"])
    sockets = {}
    for key in (*SOCKETS[name], "metrics"):
        sockets[key] = socket.socket()
        sockets[key].bind(("127.0.0.1", 0))
        sockets[key].listen(256)
    ports = {key: one.getsockname()[1] for key, one in sockets.items()}
    settings = msgspec.convert(order["settings"], Settings, strict=False)
    context = Context(
        name=name, position=0, of=1, node=settings.server.node or "test",
        settings=settings,
        stores=open_stores(order["location"]), spool=Spool(folder / "spool"), vault=whole_vault(MASTER),
        log=EventLog(name), certificate=folder / "chain.pem", private_key=folder / "key.pem",
        sockets=sockets, public_url="https://ours.test",
        ready=lambda: print(json.dumps(ports), flush=True),
    )  # fmt: skip
    import_module(MODULES[name]).run(context)


if __name__ == "__main__":
    _main()
