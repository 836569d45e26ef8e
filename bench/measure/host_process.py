"""Remote hosts in one process of our own, for what smtp-sink cannot do: some answers other than 250, and STARTTLS.

Run as `python host_process.py BOOK PORT DEFER REFUSE TLS ADDRESS...`; prints one line when it listens. BOOK is three
64-bit counts that it keeps there: taken, deferred, refused. DEFER and REFUSE are percent of the recipients, chosen by
their addresses, so each run meets the same ones; TLS is 1 or 0.
"""

from __future__ import annotations

import asyncio
import mmap
import re
import ssl
import sys
import zlib
from pathlib import Path
from typing import Final

import uvloop

from lab.certificate import self_signed

# As providers say it; neither speaks of our address, so no address of ours is rested for it.
_DEFERRALS: Final = (
    b"450 4.2.0 <%s>: Recipient address rejected: Greylisted, see http://postgrey.example/help\r\n",
    b"451 4.7.1 Greylisting in action, please come back later\r\n",
    b"452 4.3.1 Insufficient system storage\r\n",
    b"451 4.3.2 Server is busy, try again later\r\n",
)
_REFUSALS: Final = (
    b"550 5.1.1 <%s>: Recipient address rejected: User unknown in virtual mailbox table\r\n",
    b"552 5.2.2 The email account that you tried to reach is over quota\r\n",
    b"550 5.1.1 Requested action not taken: mailbox unavailable\r\n",
)
_PATH: Final = re.compile(rb"<([^>]*)>")
_END: Final = b"\r\n.\r\n"


class Book:
    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._mapped = memoryview(mmap.mmap(opened.fileno(), 24)).cast("Q")

    def count(self, which: int) -> None:
        self._mapped[which] += 1


class Session(asyncio.Protocol):
    def __init__(self, book: Book, defer: int, refuse: int, tls: ssl.SSLContext | None) -> None:
        self._book, self._defer, self._refuse, self._tls = book, defer, refuse, tls
        self._left, self._in_data, self._recipient = b"", False, False
        self._secure = False

    def connection_made(self, transport) -> None:
        self._transport = transport
        if not self._secure:
            transport.write(b"220 host ESMTP\r\n")

    def data_received(self, octets: bytes) -> None:
        self._left += octets
        replies: list[bytes] = []
        while (reply := self._step()) is not None:
            replies.append(reply)
        self._transport.write(b"".join(replies))

    def _step(self) -> bytes | None:
        """The reply to the next whole command or message, None where it is not whole yet."""
        content, found, rest = self._left.partition(_END if self._in_data else b"\r\n")
        if not found:
            return None
        self._left = rest
        if self._in_data:
            self._in_data = False
            self._book.count(0)
            return b"250 2.0.0 Ok: queued\r\n"
        return self._command(content)

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            offer = b"250-STARTTLS\r\n" if self._tls and not self._secure else b""
            return b"250-host\r\n" + offer + b"250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
        if verb == b"RCPT":
            return self._judged(_PATH.search(line)[1])
        if verb == b"DATA":
            self._in_data = self._recipient
            return b"354 go on\r\n" if self._recipient else b"554 5.5.1 no valid recipients\r\n"
        if verb == b"STAR":
            self._transport.write(b"220 2.0.0 go ahead\r\n")
            self._securing = asyncio.get_running_loop().create_task(self._secured())
            return b""
        self._recipient = False
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n"

    def _judged(self, address: bytes) -> bytes:
        chance = zlib.crc32(address)
        share = chance % 100
        for which, texts, limit in (
            (1, _DEFERRALS, self._defer),
            (2, _REFUSALS, self._defer + self._refuse),
        ):
            if share < limit:
                self._book.count(which)
                text = texts[chance // 100 % len(texts)]
                return text % address if b"%s" in text else text
        self._recipient = True
        return b"250 2.1.5 Ok\r\n"

    async def _secured(self) -> None:
        self._secure, self._left = True, b""
        loop = asyncio.get_running_loop()
        try:
            self._transport = await loop.start_tls(self._transport, self, self._tls, server_side=True)
        except (OSError, ssl.SSLError):
            self._transport.close()


async def serve(book: str, port: int, defer: int, refuse: int, tls: int, addresses: list[str]) -> None:
    counted, context = Book(Path(book)), self_signed("host.test") if tls else None
    loop = asyncio.get_running_loop()
    for address in addresses:
        await loop.create_server(lambda: Session(counted, defer, refuse, context), address, port, backlog=512)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6:]))
