"""The metrics port of a role: `/metrics` for Prometheus and `/healthz`, in a thread of its own.

A thread, so that a role whose event loop is stuck still answers and can be seen to be stuck: `/healthz` is 503
when the role has not said that it is alive for `stale` seconds.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from socketserver import BaseServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from role.supervisor import Watchdog

STALE: Final = 15.0  # seconds
BUILD: Final = Gauge("mailloft_build_info", "1, with the version that runs", ["version"])
_VERSION: Final = version("mailloft")  # read once for all forks
_NEVER: Final = 3600.0  # seconds between looks whether to shut down, which the end of the process does


class Pulse:
    """When the role last said that it is alive: `beat` from its loop, `alive` from the metrics port.

    Where systemd watches the process, each beat is passed on to it.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._watchdog = Watchdog.awaited()

    def beat(self) -> None:
        self._last = time.monotonic()
        self._watchdog.pat()

    def alive(self) -> bool:
        return time.monotonic() - self._last < STALE


def serve_metrics(listening: socket.socket, pulse: Pulse) -> None:
    """Answer on the bound socket until the process ends."""
    BUILD.labels(_VERSION).set(1)

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path in ("/", "/metrics"):
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path == "/healthz":
                self._answer(200 if pulse.alive() else 503, "text/plain", b"ok\n" if pulse.alive() else b"stale\n")
            else:
                self._answer(404, "text/plain", b"only /metrics and /healthz are here\n")

        def log_message(self, *_: object) -> None:
            """A scrape every few seconds is no event."""

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    serve = _Adopted(listening, Handler).serve_forever
    threading.Thread(target=serve, args=(_NEVER,), name="metrics", daemon=True).start()


class _Adopted(ThreadingHTTPServer):
    """On a socket that is bound already: a role without a network may not even make one of its own."""

    def __init__(self, listening: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        BaseServer.__init__(self, listening.getsockname(), handler)
        self.socket = listening

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that hangs up before its answer is no fault of ours, and no traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
