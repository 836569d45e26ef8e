"""A web site with one file, over TLS on loopback: where domains of tests publish their MTA-STS policies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

WEB = "127.0.7.9"


@dataclass
class Site:
    """`answer` is sent to every request; `asked` are the request heads so far."""

    port: int = 0
    content: bytes = b""
    status: bytes = b"200 OK"
    headers: bytes = b"Content-Type: text/plain\r\n"
    asked: list[bytes] = field(default_factory=list)

    def answer(self) -> bytes:
        length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(self.content)
        return b"HTTP/1.1 " + self.status + b"\r\n" + self.headers + length + self.content


@asynccontextmanager
async def serving(context: ssl.SSLContext, content: bytes) -> AsyncIterator[Site]:
    site = Site(content=content)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            site.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(site.answer())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(session, WEB, 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
