"""A remote mail host that follows a script: real sockets on loopback, one coroutine of the test for each connection.

The script gets a Talk with which it reads lines and says octets, so it can be any host that ever was, liars included.
It runs in the loop of the test, beside the connection that it is meant for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

ADDRESS = "127.0.7.1"
HELLO = b"250-here\r\n250-PIPELINING\r\n250 SIZE 50000000\r\n"


@dataclass
class Talk:
    """One connection as the host sees it; `heard` are all octets so far."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int  # from 1
    heard: bytearray = field(default_factory=bytearray)

    def say(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def line(self) -> bytes:
        """The next line; b"" at the end."""
        line = await self.reader.readline()
        self.heard += line
        return line

    async def block(self) -> bytes:
        """What is there now, all of it in one piece."""
        octets = await self.reader.read(1 << 20)
        self.heard += octets
        return octets

    async def message(self) -> bytes:
        """All up to the final dot, which is not given back."""
        octets = await self.reader.readuntil(b"\r\n.\r\n")
        self.heard += octets
        return octets.removesuffix(b".\r\n")

    async def greet(self, hello: bytes = HELLO) -> None:
        self.say(b"220 here\r\n")
        assert (await self.line()).startswith(b"EHLO ")
        self.say(hello)

    async def envelope(self) -> None:
        """MAIL, RCPT and DATA accepted, with or without PIPELINING."""
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            await self.line()
            self.say(reply)

    async def take(self) -> bytes:
        await self.envelope()
        content = await self.message()
        self.say(b"250 taken\r\n")
        return content

    async def rest(self) -> bytes:
        """Everything until the other side is gone; how a script waits for the end."""
        try:
            while await self.block():
                pass
        except ConnectionError:
            pass
        return bytes(self.heard)

    async def encrypt(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context)

    def hang_up(self) -> None:
        self.writer.close()

    def break_off(self) -> None:
        cast("asyncio.WriteTransport", self.writer.transport).abort()


Script = Callable[[Talk], Awaitable[None]]


@dataclass
class Host:
    port: int
    talks: list[Talk] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    async def ended(self) -> None:
        """Until every connection so far is over."""
        for _ in range(200):
            if all(talk.writer.is_closing() for talk in self.talks):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a connection was not ended")


@asynccontextmanager
async def playing(script: Script) -> AsyncIterator[Host]:
    """The host, at ADDRESS on a free port; what a script of it raised is raised at the end."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer, len(host.talks) + 1)
        host.talks.append(talk)
        try:
            await script(talk)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client broke off, which is what many scripts are about
        except Exception as error:  # noqa: BLE001 - told to the test
            host.failures.append(error)
        finally:
            writer.close()

    server = await asyncio.start_server(session, ADDRESS, 0, limit=1 << 19)
    host = Host(server.sockets[0].getsockname()[1])
    try:
        yield host
    finally:
        server.close()
    for failure in host.failures:
        raise failure
