"""A web site with one answer, over TLS on loopback: where domains of tests publish MTA-STS policies, take reports."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

WEB = "127.0.7.9"


@dataclass
class Site:
    """`answer` is sent to every request; `asked` are the request heads so far, `bodies` what came with them."""

    port: int = 0
    content: bytes = b""
    status: bytes = b"200 OK"
    headers: bytes = b"Content-Type: text/plain\r\n"
    asked: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def answer(self) -> bytes:
        length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(self.content)
        return b"HTTP/1.1 " + self.status + b"\r\n" + self.headers + length + self.content


@asynccontextmanager
async def serving(context: ssl.SSLContext, content: bytes) -> AsyncIterator[Site]:
    site = Site(content=content)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.I)
            site.bodies.append(await reader.readexactly(int(length[1]) if length else 0))
            site.asked.append(head)
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


@contextmanager
def beside(context: ssl.SSLContext, content: bytes) -> Iterator[Site]:
    """The same on a thread of its own, for a test that has no loop."""
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    sites: list[Site] = []

    async def serve() -> None:
        async with serving(context, content) as site:
            sites.append(site)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield sites[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()
