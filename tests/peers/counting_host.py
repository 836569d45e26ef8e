"""Remote hosts that count what they are asked to bear: connections at once, what came when, from which address.

They run in the loop of the test. `answer` decides each message by (source, recipient, its number at this host); None
takes it. A connection counts until its QUIT is read, so what a host counts is never less than what it holds.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[str, str, int], bytes | None]
_PATH = re.compile(rb"<([^>]*)>")


def take(_source: str, _recipient: str, _number: int) -> bytes | None:
    return None


@dataclass
class Street:
    """All hosts of a test: one port, many addresses, one book."""

    port: int
    pause: float = 0.0  # before each final answer
    answer: Answer = take
    open: int = 0
    most_open: int = 0
    connections: list[tuple[float, str, str]] = field(default_factory=list)  # when, to which host, from which source
    taken: list[tuple[float, str, str, str]] = field(default_factory=list)  # when, host, source, recipient
    refused: list[tuple[float, str, str, str]] = field(default_factory=list)
    kept: list[bytes] | None = None  # of each message its octets, where they are asked for

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, source = (writer.get_extra_info(name)[0] for name in ("sockname", "peername"))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.connections.append((time.monotonic(), host, source))
        counted = True
        recipient = ""
        writer.write(b"220 here\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"QUIT":
                    self.open -= 1
                    counted = False
                    writer.write(b"221 bye\r\n")
                    break
                if verb == b"RCPT" and (path := _PATH.search(line)):
                    recipient = path.group(1).decode()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    message = await reader.readuntil(b"\r\n.\r\n")
                    if self.kept is not None:
                        self.kept.append(message)
                    await asyncio.sleep(self.pause)
                    writer.write(self._end(host, source, recipient))
                else:
                    writer.write(b"250-here\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 ok\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= counted
            writer.close()

    def _end(self, host: str, source: str, recipient: str) -> bytes:
        refusal = self.answer(source, recipient, len(self.taken) + len(self.refused) + 1)
        book = self.taken if refusal is None else self.refused
        book.append((time.monotonic(), host, source, recipient))
        return refusal or b"250 taken\r\n"


@asynccontextmanager
async def street(addresses: Sequence[str], answer: Answer = take, pause: float = 0.0) -> AsyncIterator[Street]:
    """The hosts at these addresses, all on one free port."""
    async with AsyncExitStack() as stack:
        made = Street(0, pause, answer)
        for address in addresses:
            server = await asyncio.start_server(made.serve, address, made.port, limit=1 << 20)
            stack.callback(server.close)
            made.port = server.sockets[0].getsockname()[1]
        yield made
