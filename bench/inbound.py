"""Signed mail that passes SPF, DKIM and DMARC into an MX, until it is in the mailbox: ours against Postfix's chain.

smtp-source, one for each of 20 domains with a mail of its own (10 kB, RSA-2048 by dkimpy), two sessions each, a
connection a message; measured from the first connection to the last message in the mailbox (ours: filed, with its
structure for IMAP; theirs: in the Maildir). Both ask the same caching resolver. Alternating. Then what 2,000 idle
STARTTLS sessions cost ours. `make bench NAME=inbound ARGS="messages pairs"` (--slow-fsync: all fsync 2 ms slower);
with 100000 1 the memory of a long run is seen: `memory_mb` is ours after each tenth (the peer's run is one tenth).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from measure.idle_sessions import idle_cost
from measure.mail_host import NAME, MailHost, missing
from measure.own_resolver import ADDRESS, Resolver, enter
from measure.processes import Watch, memory_mb
from measure.report import Run, finish, fsync_ms, load, ratio, scratch, side
from measure.slow_disk import arguments
from peers import need
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.names import Names, record
from store import content_rows, folders, mail_scan
from store.mailboxes import by_address
from store.quota import usage
from store.stores import open_stores

DOMAINS: Final = [f"d{number:02}.test" for number in range(20)]
READER: Final = "reader@bench.test"
PATIENCE: Final = 900
IDLE: Final = 2000
_TENTHS: Final = 10  # of a long run
_TTL: Final = 300  # seconds; what records for mail have out there is minutes to hours
_LIMITS: Final = """\
[server]
hostname = "mx.bench.test"
[dns]
servers = ["{resolver}:53"]
[limits]
connections_per_peer = 10000
connections_per_network = 10000
connection_rate = "10000000/min"
network_connection_rate = "10000000/min"
"""


class Ours:
    """The appliance with one mailbox; what it holds is read from its counters."""

    def __init__(self, folder: Path) -> None:
        self.settings = _LIMITS.format(resolver=ADDRESS)
        self.appliance = Appliance(folder, self.settings)
        self.appliance.start()
        with self.appliance.api() as operator:
            made = operator.post("/projects", json={"name": "bench", "campaigns_allowed": True}).json()
            operator.post("/domains", params={"project": "bench"}, json={"name": "bench.test"}).raise_for_status()
            states = {"owned": True, "linked": True}
            operator.patch("/domains/bench.test", params={"project": "bench"}, json=states).raise_for_status()
            with self.appliance.api(made["api_key"]) as api:
                api.post("/mailboxes", json={"address": READER}).raise_for_status()
        self._stores = open_stores(str(self.appliance.folder))
        with self._stores.core.database.read() as core:
            mailbox = by_address(core, READER)
        assert mailbox is not None
        self._mailbox = mailbox.id

    @property
    def port(self) -> int:
        return int(self.appliance.ready["mx"])

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.appliance.pid,)

    def delivered(self) -> int:
        with self._stores.mail.database.read() as tx:
            return usage(tx, self._mailbox).messages

    def sample(self) -> bytes:
        with self._stores.mail.database.read() as tx:
            inbox = folders.by_name(tx, self._mailbox, "INBOX")
            assert inbox is not None
            ((_, content_id),) = mail_scan.scan(tx, inbox.id, [mail_scan.uids_of(tx, inbox.id)[-1]], ["content_id"])
            return content_rows.bytes_of(tx, [content_id])[content_id][0] or b""

    def stop(self) -> None:
        self._stores.close()
        self.appliance.stop()


def main(messages: int, pairs: int) -> int:
    enter()
    each = max(1, messages // len(DOMAINS) // (_TENTHS if pairs == 1 else 1))
    absent = {NAME: program} if (program := missing()) else {}
    folder = scratch()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        mails, records = _mails(folder)
        names = Names(folder / "names", records, ttl=_TTL)
        stack.callback(names.stop)
        resolver = Resolver(names.listening)
        stack.callback(resolver.stop)
        ours = Ours(folder / "ours")
        stack.callback(ours.stop)
        sides: dict[str, Ours | MailHost] = {"ours": ours}
        if not absent:
            sides[NAME] = MailHost(
                READER, {one["host"]: one["value"] for one in records if "_domainkey" in one["host"]}
            )
            stack.callback(sides[NAME].stop)
        checks: dict[str, bool] = {}
        for name, one in sides.items():
            _measured(name, one, mails, 1)  # warm, and the resolver's cache full
            checks |= _verified(name, one.sample())
        runs: dict[str, list[Run]] = {name: [] for name in sides}
        memory = []
        for _ in range(pairs):
            for name, one in sides.items():
                runs[name].append(_measured(name, one, mails, each))
            memory.append(round(memory_mb(ours.appliance.pid), 1))
        if pairs == 1:
            memory += _long(ours, mails, each)
        idle = idle_cost("127.0.0.1", ours.port, ours.appliance.pid_of("mx"), IDLE)
        checks[f"{IDLE} idle STARTTLS sessions take less than 100 MB"] = idle < 100
        mine = runs.pop("ours")
        return finish({
            "bench": "inbound", "ours": side(mine), "peers": {name: side(kept) for name, kept in runs.items()},
            "ratios": {name: ratio(mine, kept) for name, kept in runs.items()}, "idle_sessions_mb": idle,
            "memory_mb": memory, "fsync_ms": fsync_ms(), "load": load(), "not_measured": absent,
            "settings": {"ours": ours.settings}, "checks": checks,
        })  # fmt: skip


def _long(ours: Ours, mails: list[tuple[str, Path]], each: int) -> Iterator[float]:
    for _ in range(_TENTHS - 1):
        _measured("ours, on and on", ours, mails, each)
        yield round(memory_mb(ours.appliance.pid), 1)


def _measured(name: str, one: Ours | MailHost, mails: list[tuple[str, Path]], each: int) -> Run:
    before, count = one.delivered(), each * len(mails)
    with Watch(*one.pids) as watch:
        began = time.monotonic()
        _send(one.port, mails, each)
        accepted = time.monotonic() - began
        wait_until(lambda: one.delivered() - before >= count, f"{name} delivered all", PATIENCE)
        seconds = time.monotonic() - began
    run = Run(count, seconds, watch.cpu_s, watch.peak_mb)
    print(f"{name:32} {count:6} messages {run}  accepted {count / accepted:.0f}/s  load {load()}", flush=True)
    assert one.delivered() - before == count, f"{name} delivered more than it was sent"
    return run


def _send(port: int, mails: list[tuple[str, Path]], each: int) -> None:
    program = need.program("smtp-source", "postfix")
    started = [
        subprocess.Popen([
            program, "-4", "-s", "2", "-m", str(each), "-M", f"out.{domain}", "-f", f"news@{domain}", "-t", READER,
            "-F", file, f"127.0.0.1:{port}",
        ])
        for domain, file in mails
    ]  # fmt: skip
    statuses = [process.wait() for process in started]
    if any(statuses):
        raise AssertionError("smtp-source was refused; its stderr says why")


def _verified(name: str, message: bytes) -> dict[str, bool]:
    """What its own header says of a message that it delivered."""
    head = message.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].lower()
    return {f"{name}: {method} is in the header of a delivered message": method.encode() in head
            for method in ("spf=pass", "dkim=pass", "dmarc=pass")}  # fmt: skip


def _mails(folder: Path) -> tuple[list[tuple[str, Path]], list[dict[str, str]]]:
    """A signed mail of each domain as smtp-source reads it, and the records that make it pass."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    published = "v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1]).decode()
    mails, records = [], [dict(record("1.0.0.127.in-addr.arpa", "PTR", "out.d00.test."))]
    for number, domain in enumerate(DOMAINS):
        plain = _mail(number, domain)
        signed = dkim.sign(plain, b"s", domain.encode(), private, canonicalize=(b"relaxed", b"relaxed")) + plain
        file = folder / domain
        file.write_bytes(signed.replace(b"\r\n", b"\n"))
        mails.append((domain, file))
        records += [
            dict(record(domain, "TXT", "v=spf1 ip4:127.0.0.0/8 -all")), dict(record(domain, "A", "127.0.0.1")),
            dict(record(f"out.{domain}", "A", "127.0.0.1")), dict(record(domain, "MX", f"10 out.{domain}.")),
            dict(record(f"s._domainkey.{domain}", "TXT", published)),
            dict(record(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")),
        ]  # fmt: skip
    return mails, records


def _mail(number: int, domain: str) -> bytes:
    line = f"Line of issue {number} of {domain}, as long as lines of letters are, with words in it.\r\n"
    head = (
        f"From: News {number} <news@{domain}>\r\nTo: {READER}\r\nSubject: Issue {number}\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@{domain}>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    return (head + line * (10_000 // len(line))).encode()


if __name__ == "__main__":
    sys.exit(main(*arguments(4_000, 3)))
