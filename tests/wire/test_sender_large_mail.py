"""Large messages, submitted or with a campaign's files: few octets are in memory, and each arrives as it was made."""

from __future__ import annotations

import hashlib
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mail.attachment import Attachment
from peers import rows
from peers.loopback import free_port, wait_until
from peers.sender_role import SenderRole
from peers.smtp_role import Tenant, furnish, name_server, settle_tenant
from store import injection
from store.campaign_content import Content
from store.injection import Forward, Submitted
from store.spool import Spool
from store.stores import Stores

ADDRESSES: Final = ("127.0.9.61", "127.0.9.62")  # the second takes BDAT
SITES: Final = {f"far{number}.test": ADDRESSES[number % 2] for number in range(4)}
LARGE, MIDDLING = 4_000_000, 200_000  # octets of a file and of a blob
BOUND_MB: Final = 48  # beside what the sender has without mail; read together the messages would be 116
_PATH = re.compile(rb"<([^>]*)>")
_OURS = b"From: ann@ours.test"
_FILE = b"Content-Type: application/pdf"
FILE: Final = bytes(range(256)) * 16_000  # 5.5 MB on the wire
FILE_BOUND_MB: Final = 80  # beside what the sender has without mail; with a copy for each of 20 connections it was 250


class _Host(socketserver.StreamRequestHandler):
    """Takes by DATA or by BDAT; keeps a digest for each recipient."""

    server: _Hosts

    def handle(self) -> None:
        recipient, chunked = b"", self.server.server_address[0] == ADDRESSES[1]
        self.wfile.write(b"220 here\r\n")
        while (line := self.rfile.readline()) and not line.startswith(b"QUIT"):
            if line.startswith(b"RCPT") and (path := _PATH.search(line)):
                recipient = path.group(1)
            if line.startswith(b"BDAT"):
                self._keep(recipient, self.rfile.read(int(line.split()[1])))
            elif line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                self._keep(recipient, b"".join(self._unstuffed()))
            offered = b"250-CHUNKING\r\n" if chunked else b""
            self.wfile.write(
                b"250-here\r\n" + offered + b"250 PIPELINING\r\n" if line[:4] == b"EHLO" else b"250 ok\r\n"
            )

    def _unstuffed(self) -> Iterator[bytes]:
        while (line := self.rfile.readline()) != b".\r\n":
            yield line.removeprefix(b".")

    def _keep(self, recipient: bytes, content: bytes) -> None:
        time.sleep(0.1)  # so that many connections carry one at once
        begin = _FILE if _FILE in content else _OURS  # what stands before differs from client to client
        self.server.taken[recipient.decode()] = hashlib.sha256(content[content.index(begin) :]).hexdigest()


class _Hosts(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, port: int, taken: dict[str, str]) -> None:
        super().__init__((address, port), _Host)
        self.taken = taken


@contextmanager
def hosts() -> Iterator[tuple[int, dict[str, str]]]:
    """Their port, and the digest of what each recipient got."""
    port, taken = free_port(), dict[str, str]()
    with ExitStack() as stack:
        for address in ADDRESSES:
            server = stack.enter_context(_Hosts(address, port, taken))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield port, taken


def letter(number: int, size: int) -> bytes:
    """Lines of uneven length, many of which begin with a dot."""
    head = _OURS + b"\r\nSubject: %d\r\n\r\n" % number
    return head + b"".join(b"." * (one % 3) + b"x" * (one % 61) + b"\r\n" for one in range(200)) * (size // 6_900)


def submit(stores: Stores, spool: Spool, tenant: Tenant, number: int, size: int) -> tuple[str, str]:
    """Recipient and digest of a message that is queued now."""
    content = letter(number, size)
    domain = list(SITES)[number % len(SITES)]
    to = f"r{number}@{domain}"
    one = Submitted(
        tenant.project, tenant.connection, "ann@ours.test", f"<{number}@ours.test>", spool.put(content), "transactional"
    )
    handed_in = injection.HandedIn(one, [Forward(to, to, domain)], datetime.now(UTC))
    stores.core.journal.run(lambda tx: injection.queue_submissions(tx, [handed_in]))
    return to, hashlib.sha256(content).hexdigest()


def memory_mb(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(what))) / 1024


def test_many_large_messages_wait_and_memory_stays_small(tmp_path: Path, location: str, stores: Stores) -> None:
    zone = [(name, "A", address) for name, address in SITES.items()]
    with hosts() as (port, taken), name_server(tmp_path, zone) as names:
        premises = furnish(tmp_path, location, stores, names)
        tenant = settle_tenant(stores)
        premises.settings["outbound"] = {
            "port": port, "sources": [{"address": "127.0.8.61", "ehlo": "out.ours.test"}],
        }  # fmt: skip
        with premises.role("sender") as running:
            before = memory_mb(running.process.pid, "VmRSS")
        sizes = [LARGE] * 24 + [MIDDLING] * 100
        handed_in = dict(submit(stores, premises.spool, tenant, number, size) for number, size in enumerate(sizes))
        with premises.role("sender") as running:
            wait_until(lambda: taken.keys() == handed_in.keys(), "all are taken", 90)
            peak = memory_mb(running.process.pid, "VmHWM")
        print(f"{before:.0f} MB without mail, {peak:.0f} at most")
        assert taken == handed_in
        assert peak - before < BOUND_MB, f"{before:.0f} MB without mail, {peak:.0f} at most"


def test_the_files_of_a_campaign_are_in_memory_once(tmp_path: Path, location: str, stores: Stores) -> None:
    zone = [(name, "A", address) for name, address in SITES.items()]
    everyone = [f"r{number}@{list(SITES)[number % len(SITES)]}" for number in range(60)]
    file = Attachment("prices.pdf", "application/pdf", FILE, None)
    made = rows.make_campaign(stores, everyone, Content("Prices", "<p>Hello {{ name }}</p>", None, {}, (file,)))
    with hosts() as (port, taken), name_server(tmp_path, zone) as names:
        outbound = {"port": port, "sources": [{"address": "127.0.8.61", "ehlo": "out.ours.test"}]}
        role = SenderRole(tmp_path, location, {"dns": {"servers": [names]}, "outbound": outbound})
        role.start()
        try:
            assert role.process is not None
            before = memory_mb(role.process.pid, "VmRSS")
            rows.launch(stores, made)
            wait_until(lambda: len(taken) == len(everyone), "all are taken", 120)
            peak = memory_mb(role.process.pid, "VmHWM")
        finally:
            role.stop()
    print(f"{before:.0f} MB without mail, {peak:.0f} at most")
    assert set(taken) == set(everyone)
    assert len(set(taken.values())) == 1  # by DATA and by BDAT
    assert peak - before < FILE_BOUND_MB, f"{before:.0f} MB without mail, {peak:.0f} at most"
