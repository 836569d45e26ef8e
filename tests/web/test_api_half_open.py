"""Security 12: peers that never finish a request cost little, are let go, and keep nobody else from being served."""

from __future__ import annotations

import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peers.appliance import Appliance
from peers.loopback import wait_until

PEERS = 1000


@contextmanager
def descriptors(wanted: int) -> Iterator[None]:
    """This process may open that many."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], wanted), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def address(web: Appliance) -> tuple[str, int]:
    host, _, port = web.ready["admin"].removeprefix("https://").rpartition(":")
    return host, int(port)


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def test_security_12_a_thousand_half_open_connections_shut_nobody_out(web: Appliance) -> None:
    trusts = ssl.create_default_context(cafile=web.ready["ca"])
    pid = web.pid_of("admin")
    before = resident_mb(pid)
    with descriptors(PEERS * 2 + 200), ExitStack() as opened:
        for number in range(PEERS):
            plain = opened.enter_context(socket.create_connection(address(web), timeout=20))
            if number % 4 == 0:
                secured = opened.enter_context(trusts.wrap_socket(plain, server_hostname="localhost"))
                secured.sendall(b"GET /api/v1/health HTTP/1.1\r\nX-Endless: ")
        with web.api() as api:
            begun = time.monotonic()
            assert api.get("/health").status_code == 200
            assert time.monotonic() - begun < 5
        assert resident_mb(pid) - before < 200


def test_security_12_a_head_without_end_is_cut_off(web: Appliance) -> None:
    trusts = ssl.create_default_context(cafile=web.ready["ca"])
    before = resident_mb(web.pid_of("admin"))
    with socket.create_connection(address(web), timeout=20) as plain:
        peer = trusts.wrap_socket(plain, server_hostname="localhost")
        peer.sendall(b"GET /api/v1/health HTTP/1.1\r\nX-Endless: ")

        def cut_off() -> bool:
            try:
                peer.sendall(b"x" * 100_000)
            except OSError:
                return True
            return False

        wait_until(cut_off, "the connection is cut off", 10)
    assert resident_mb(web.pid_of("admin")) - before < 20


def test_security_12_a_peer_that_asks_nothing_is_let_go(web: Appliance) -> None:
    trusts = ssl.create_default_context(cafile=web.ready["ca"])
    with socket.create_connection(address(web), timeout=20) as plain:
        peer = trusts.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=True)
        try:
            assert peer.recv(1) == b""
        except ConnectionResetError:
            return
