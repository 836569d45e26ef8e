"""One SMTP session of a mail host of the lab (RFC 5321; PIPELINING RFC 2920, SIZE RFC 1870, STARTTLS RFC 3207).

An asyncio.Protocol made for speed: input is one buffer, the end of DATA is searched in blocks, the replies to a
pipelined group go out in one write. What to answer is lab/desk.py's business. Deviations: names are not checked,
HELP, VRFY and CHUNKING are not offered, a bare LF ends no line.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Final, cast

from lab.description import Host
from lab.desk import Caller, Desk
from lab.tempers import Refusal, Taking

LINE_LIMIT: Final = 4_096
SIZE_LIMIT: Final = 50_000_000
_END: Final = b"\r\n.\r\n"
_PATH: Final = re.compile(rb"(?:from|to):\s*<([^>]*)>(.*)", re.IGNORECASE)
_SIZE: Final = re.compile(rb"\bsize=(\d{1,12})", re.IGNORECASE)


class Receiver(asyncio.Protocol):
    """A session, from greeting to hang-up."""

    def __init__(self, host: Host, desk: Desk, tls: ssl.SSLContext | None) -> None:
        """`tls` None offers no STARTTLS."""
        self._host, self._desk, self._tls = host, desk, tls
        self._transport: asyncio.Transport
        self._caller: Caller
        self._buffer = bytearray()
        self._searched = 0
        self._replies: list[bytes] = []
        self._in_data = False
        self._reverse_path: str | None = None
        self._recipients: list[tuple[str, Taking]] = []
        self._upgrade: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn away."""
        self._transport = cast("asyncio.Transport", transport)
        source = str(transport.get_extra_info("peername")[0])
        self._caller = self._desk.call(self._host, source)
        if self._desk.busy(self._host):
            self._transport.write(f"421 4.3.2 {self._host.name} too busy, try again later\r\n".encode())
            self._transport.close()
        else:
            self._transport.write(f"220 {self._host.name} ESMTP\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """Hang-up: the books get the connection."""
        self._desk.hung_up(self._caller)

    def data_received(self, block: bytes) -> None:
        """Work through what is whole and answer it in one write."""
        self._buffer += block
        while self._mail() if self._in_data else self._line():
            pass
        if self._replies:
            self._transport.write(b"".join(self._replies))
            self._replies.clear()

    def _line(self) -> bool:
        """One command, when a whole one is there."""
        end = self._buffer.find(b"\r\n")
        if self._transport.is_closing() or self._upgrade is not None:
            return False
        if end < 0 or end > LINE_LIMIT:
            if len(self._buffer) > LINE_LIMIT:
                self._hang_up(b"500 5.5.6 Line too long\r\n")
            return False
        verb, _, rest = bytes(self._buffer[:end]).partition(b" ")
        del self._buffer[: end + 2]
        command = _COMMANDS.get(verb.upper())
        self._replies.append(b"500 5.5.2 Command not recognised\r\n" if command is None else command(self, rest))
        return True

    def _mail(self) -> bool:
        """One whole mail, when its end is there. The buffer begins with the CRLF of the DATA line."""
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._searched = max(len(self._buffer) - len(_END), 0)
            if len(self._buffer) > SIZE_LIMIT:
                self._hang_up(b"552 5.3.4 Message too big\r\n")
            return False
        content = bytes(self._buffer[2 : end + 2])
        del self._buffer[: end + len(_END)]
        self._desk.take(self._caller, self._reverse_path or "", self._recipients, content)
        self._forget()
        self._replies.append(b"250 2.0.0 Ok: queued as %X-%X\r\n" % (self._caller.connection, self._caller.messages))
        return True

    def _forget(self) -> None:
        self._in_data, self._searched = False, 0
        self._reverse_path, self._recipients = None, []

    def _hang_up(self, reply: bytes) -> None:
        self._replies.append(reply)
        self._transport.write(b"".join(self._replies))
        self._replies.clear()
        self._transport.close()

    def _ehlo(self, rest: bytes) -> bytes:
        self._forget()
        self._caller.ehlo = rest.decode("ascii", "replace").strip()
        offers = [self._host.name.encode(), b"PIPELINING", b"SIZE %d" % SIZE_LIMIT, b"8BITMIME"]
        offers.append(b"ENHANCEDSTATUSCODES")
        if self._tls is not None and not self._caller.tls:
            offers.append(b"STARTTLS")
        return b"".join(b"250-%s\r\n" % offer for offer in offers[:-1]) + b"250 %s\r\n" % offers[-1]

    def _helo(self, rest: bytes) -> bytes:
        self._forget()
        self._caller.ehlo = rest.decode("ascii", "replace").strip()
        return b"250 %s\r\n" % self._host.name.encode()

    def _starttls(self, _rest: bytes) -> bytes:
        if self._tls is None or self._caller.tls:
            return b"502 5.5.1 STARTTLS is not offered\r\n"
        # What came in clear behind STARTTLS must not count as said under TLS (RFC 3207 §6).
        self._buffer.clear()
        self._transport.pause_reading()
        self._upgrade = asyncio.get_running_loop().create_task(self._start_tls(self._tls))
        return b"220 2.0.0 Ready to start TLS\r\n"

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._transport, self, context, server_side=True)
        except OSError:  # the peer gave up on TLS; ssl.SSLError is one
            self._transport.close()
            return
        if secured is None:
            return
        self._transport = secured
        self._caller.tls = str(secured.get_extra_info("ssl_object").version())
        self._caller.ehlo = ""
        self._upgrade = None
        self._forget()

    def _mail_from(self, rest: bytes) -> bytes:
        batch = self._host.temper.batch
        if batch and self._caller.messages >= batch:
            self._transport.write(b"".join(self._replies))
            self._replies.clear()
            self._transport.write(b"421 4.7.0 Too many messages in this session\r\n")
            self._transport.close()
            return b""
        path = _PATH.match(rest)
        if path is None or not self._caller.ehlo:
            return b"503 5.5.1 Say EHLO and MAIL FROM:<reverse-path>\r\n"
        size = _SIZE.search(path.group(2))
        if size is not None and int(size.group(1)) > SIZE_LIMIT:
            return b"552 5.3.4 Message too big\r\n"
        self._forget()
        self._reverse_path = path.group(1).decode("utf-8", "replace")
        return b"250 2.1.0 Ok\r\n"

    def _rcpt_to(self, rest: bytes) -> bytes:
        path = _PATH.match(rest)
        if path is None or self._reverse_path is None:
            return b"503 5.5.1 MAIL FROM comes before RCPT TO:<forward-path>\r\n"
        recipient = path.group(1).decode("utf-8", "replace")
        answer = self._desk.ask(self._caller, self._reverse_path, recipient)
        if isinstance(answer, Refusal):
            return answer.line()
        self._recipients.append((recipient, answer))
        return b"250 2.1.5 Ok\r\n"

    def _data(self, _rest: bytes) -> bytes:
        if not self._recipients:
            return b"554 5.5.1 No valid recipients\r\n"
        self._in_data = True
        self._buffer[:0] = b"\r\n"  # so that a mail that is only a dot ends too
        return b"354 End data with <CR><LF>.<CR><LF>\r\n"

    def _rset(self, _rest: bytes) -> bytes:
        self._forget()
        return b"250 2.0.0 Ok\r\n"

    def _noop(self, _rest: bytes) -> bytes:
        return b"250 2.0.0 Ok\r\n"

    def _quit(self, _rest: bytes) -> bytes:
        self._hang_up(b"221 2.0.0 Bye\r\n")
        return b""


_COMMANDS: Final[Mapping[bytes, Callable[[Receiver, bytes], bytes]]] = {
    b"EHLO": Receiver._ehlo,
    b"HELO": Receiver._helo,
    b"STARTTLS": Receiver._starttls,
    b"MAIL": Receiver._mail_from,
    b"RCPT": Receiver._rcpt_to,
    b"DATA": Receiver._data,
    b"RSET": Receiver._rset,
    b"NOOP": Receiver._noop,
    b"QUIT": Receiver._quit,
}
