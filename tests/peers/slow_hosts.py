"""Remote mail hosts that take everything, slowly, and keep a book that outlives everybody: a process of its own.

Run as `python slow_hosts.py BOOK PORT DELAY ADDRESS...`; prints one line when it listens. Each line of the book is
`time source recipient message-id token`: written (os.write, so it is the kernel's) when the last octet of a message is
there, DELAY seconds before the host says 250. So a sender that is killed meanwhile has sent what nobody told it about,
and the book has it. The token stands behind "token=" in the Subject: the test chose it, not the sender.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time

_PATH = re.compile(rb"<([^>]*)>")
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_TOKEN = re.compile(rb"^subject:.*\btoken=(\w+)", re.IGNORECASE | re.MULTILINE)
_SINGLE = {b"EHLO": b"250-here\r\n250 PIPELINING\r\n", b"QUIT": b"221 bye\r\n", b"DATA": b"354 go on\r\n"}


class Hosts:
    def __init__(self, book: str, delay: float) -> None:
        self._book = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._delay = delay

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):  # the sender was killed
            pass
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source, recipient, verb = writer.get_extra_info("peername")[0], b"", b""
        writer.write(b"220 here\r\n")
        while verb != b"QUIT" and (line := await reader.readline()):
            verb = line[:4].upper()
            if verb == b"RCPT" and (path := _PATH.search(line)):
                recipient = path.group(1)
            writer.write(_SINGLE.get(verb, b"250 ok\r\n"))
            if verb == b"DATA":
                content = await reader.readuntil(b"\r\n.\r\n")
                self._keep(source, recipient, content)
                await asyncio.sleep(self._delay)
                writer.write(b"250 taken\r\n")

    def _keep(self, source: str, recipient: bytes, content: bytes) -> None:
        found = [pattern.search(content) for pattern in (_MESSAGE_ID, _TOKEN)]
        told = [one.group(1).decode() if one else "-" for one in found]
        os.write(self._book, f"{time.time():.6f} {source} {recipient.decode()} {' '.join(told)}\n".encode())


async def serve(book: str, port: int, delay: float, addresses: list[str]) -> None:
    hosts = Hosts(book, delay)
    for address in addresses:
        await asyncio.start_server(hosts.session, address, port, limit=1 << 20, backlog=256)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
