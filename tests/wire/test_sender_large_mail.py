"""Large submitted messages: many wait, few octets are in memory, and each arrives as it was handed in."""

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

from peers.loopback import free_port, wait_until
from peers.smtp_role import Tenant, furnish, name_server, settle_tenant
from store import injection
from store.injection import Forward, Submitted
from store.spool import Spool
from store.stores import Stores

ADDRESSES: Final = ("127.0.9.61", "127.0.9.62")  # the second takes BDAT
SITES: Final = {f"far{number}.test": ADDRESSES[number % 2] for number in range(4)}
LARGE, MIDDLING = 4_000_000, 200_000  # octets of a file and of a blob
BOUND_MB: Final = 48  # beside what the sender has without mail; read together the messages would be 116
_PATH = re.compile(rb"<([^>]*)>")
_OURS = b"From: ann@ours.test"


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
        self.server.taken[recipient.decode()] = hashlib.sha256(content[content.index(_OURS) :]).hexdigest()


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
