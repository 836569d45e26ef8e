"""Who hangs up on the metrics port before its answer leaves no traceback; the next one is answered."""

from __future__ import annotations

import socket
import struct
import threading
import urllib.request

import pytest

from role.metrics_port import Pulse, serve_metrics

RESET = struct.pack("ii", 1, 0)  # linger for 0 s: the kernel sends RST


def test_a_scraper_that_hangs_up_is_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    before = set(threading.enumerate())
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    serve_metrics(listening, Pulse())
    for octets in (b"GET /metrics HTTP/1.0\r\n\r\n", b"GET /met"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as scraper:
            scraper.sendall(octets)
            scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        assert answer.status == 200
    for thread in set(threading.enumerate()) - before:
        if thread.name != "metrics":  # which serves on
            thread.join(10)
    assert capfd.readouterr().err == ""
