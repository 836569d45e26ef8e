"""uvicorn's HTTP/1.1 protocol with an end to its patience: a request's head must be whole in time and within a size.

uvicorn waits for ever for a first request and keeps whatever head it is sent, so some idle sockets would be enough to
shut everybody out (SECURITY row 12). Used by admin/daemon.py; RFC 9112 §2.1 (head), RFC 6585 §5 (431).
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT: Final = 64 * 1024  # octets
HEAD_SECONDS: Final = 10.0
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class PatientHttp(HttpToolsProtocol):
    """A connection begins with a head to come; each further request begins one anew."""

    _waiting: asyncio.TimerHandle | None = None
    _octets = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_whole()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_whole()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._waiting is not None:
            if self._octets > HEAD_LIMIT:
                self.transport.write(_TOO_LARGE)
                self.transport.abort()
                return
            self._octets += len(data)
        super().data_received(data)

    def _expect_head(self) -> None:
        self._head_is_whole()
        self._octets = 0
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _head_is_whole(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        self.transport.abort()
