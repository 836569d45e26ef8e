"""Brings to the appliance what hosts and people of the lab send back, over SMTP as any host would.

One carrier a host: it looks up the MX of the forward-path's domain in the lab's DNS, connects from the host's own
address (so SPF passes), uses STARTTLS when offered, sends several mails a connection, comes back after a 4xx. The
final answer goes into the books. lab/hosts.py makes it; `port` is the appliance's MX port, told once it is up.
RFC 5321 §5.1 (MX, then address); certificates are not verified, as between most hosts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final
from zlib import crc32

import dns.asyncresolver
import dns.exception
import dns.resolver

from lab.books import Books, SentBack
from lab.comebacks import composed
from lab.correspondence import letter
from lab.description import Host, Person
from lab.desk import Due
from lab.occasion import Mail, Occasion
from lab.tempers import Comeback

log = logging.getLogger("lab.postman")

_AGAIN: Final = 1.0  # seconds before a host comes back after a 4xx or a refused connection
_TRIES: Final = 30
_BATCH: Final = 25  # mails a connection
_PATIENCE: Final = 20.0  # seconds for one answer
_SLOWEST: Final = 1.5  # seconds until something comes back


class UnreachableError(Exception):
    """No MX, no connection, or the session broke."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One mail on its way, and what the books shall say of it."""

    mail: Mail
    kind: str
    cause: str
    person: str
    about: str
    tries: int = 0


@dataclass(slots=True)
class Postman:
    """The carriers of all hosts. Until `appliance` is called everything waits."""

    books: Books
    seed: int
    nameserver: tuple[str, int]
    port: int = 0
    complaints_to: str = ""
    waiting: int = 0
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _bags: dict[str, asyncio.Queue[Errand]] = field(default_factory=dict)
    _carriers: set[asyncio.Task[None]] = field(default_factory=set)
    _chance: Random = field(init=False)

    def __post_init__(self) -> None:
        """Tokens of what is sent are drawn by the seed and the clock, so that a restart repeats none."""
        self._chance = Random(f"{self.seed} {time.time_ns()}")

    def appliance(self, port: int, complaints_to: str) -> None:
        """Tell where the appliance is; what waited for it goes out."""
        self.port, self.complaints_to = port, complaints_to
        self._told.set()

    def post(self, due: Due) -> None:
        """Send what is due, after a pause as people and hosts make one."""
        self.waiting += 1
        pause = crc32(f"{self.seed} {due.original.recipient}".encode()) % 1000 / 1000 * _SLOWEST
        asyncio.get_running_loop().call_later(pause, self._compose, due)

    def write(self, host: Host, person: Person, forward_path: str) -> None:
        """Send a letter of that person's own."""
        self.waiting += 1
        mail = letter(host, person, forward_path, datetime.now(UTC), self._token())
        self._hand(host, Errand(mail, Comeback.LETTER.value, "", person.address, ""))

    def _compose(self, due: Due) -> None:
        now = datetime.now(UTC)
        occasion = Occasion(due.host, due.person, due.original, due.cause, self.complaints_to, now, self._token())
        mail = composed(due.comeback, occasion)
        cause = due.cause.value if due.cause else ""
        self._hand(due.host, Errand(mail, due.comeback.value, cause, due.person.address, due.original.message_id))

    def _token(self) -> str:
        return f"{self._chance.getrandbits(80):020x}"

    def _hand(self, host: Host, errand: Errand) -> None:
        if host.name not in self._bags:
            self._bags[host.name] = asyncio.Queue()
            carrier = asyncio.get_running_loop().create_task(self._carry(host, self._bags[host.name]))
            self._carriers.add(carrier)
        self._bags[host.name].put_nowait(errand)

    async def _carry(self, host: Host, bag: asyncio.Queue[Errand]) -> None:
        """Carry the errands of one host, one after another, for ever."""
        while True:
            errand = await bag.get()
            await self._told.wait()
            batch = [errand]
            while not bag.empty() and len(batch) < _BATCH:
                batch.append(bag.get_nowait())
            await self._bring(host, batch, bag)

    async def _bring(self, host: Host, batch: list[Errand], bag: asyncio.Queue[Errand]) -> None:
        """One connection with some mails for the same domain; what it leaves is handed out again later."""
        left = list(batch)
        domain = batch[0].mail.forward_path.rpartition("@")[2]
        try:
            async with asyncio.timeout(_PATIENCE * 3):
                session = await self._connect(host, domain)
                try:
                    for errand in [one for one in batch if one.mail.forward_path.endswith("@" + domain)]:
                        code, text = await session.send(errand.mail)
                        left.remove(errand)
                        self._settle(host, errand, code, text, bag)
                        if code == 421:
                            break
                finally:
                    session.close()
        except (UnreachableError, OSError, TimeoutError, EOFError, ValueError) as error:
            log.info("%s cannot reach the MX of %s: %s", host.name, domain, error)
            for errand in left[:1]:
                left.remove(errand)
                self._settle(host, errand, 0, str(error), bag)
        for errand in left:
            bag.put_nowait(errand)

    def _settle(self, host: Host, errand: Errand, code: int, text: str, bag: asyncio.Queue[Errand]) -> None:
        """Into the books with a final answer, or back into the bag."""
        if code // 100 not in (2, 5) and errand.tries < _TRIES:
            again = Errand(errand.mail, errand.kind, errand.cause, errand.person, errand.about, errand.tries + 1)
            asyncio.get_running_loop().call_later(_AGAIN, bag.put_nowait, again)
            return
        self.waiting -= 1
        mail = errand.mail
        told = (errand.kind, errand.cause, errand.person, mail.forward_path, mail.message_id, errand.about)
        self.books.write(SentBack(time.time(), host.name, *told, code, text))

    async def _connect(self, host: Host, domain: str) -> Session:
        targets = await self._targets(domain)
        for target in targets:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(target, self.port, local_addr=(host.address, 0))
                session = Session(reader, writer)
                await session.open(host.name)
                return session
        raise UnreachableError(f"no host of {', '.join(targets) or 'an empty list'} answers")

    async def _targets(self, domain: str) -> list[str]:
        """Addresses of the MXs in their order, or of the domain itself."""
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [self.nameserver[0]], self.nameserver[1]
        names = [domain]
        try:
            with contextlib.suppress(dns.resolver.NoAnswer):
                records = sorted(await resolver.resolve(domain, "MX"), key=lambda record: record.preference)
                names = [str(record.exchange) for record in records]
            return [record.address for name in names for record in await resolver.resolve(name, "A")]
        except dns.exception.DNSException as error:
            raise UnreachableError(f"looking up the MX of {domain}: {error}") from error


@dataclass(slots=True)
class Session:
    """An SMTP session as its client sees it. Raises UnreachableError when the server ends it early."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def open(self, name: str) -> None:
        """Greeting, EHLO, STARTTLS when offered and EHLO again."""
        self._must(220, await self._answer())
        offered = self._must(250, await self._say(b"EHLO " + name.encode()))
        if "STARTTLS" not in offered.upper():
            return
        self._must(220, await self._say(b"STARTTLS"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await self.writer.start_tls(context)
        self._must(250, await self._say(b"EHLO " + name.encode()))

    async def send(self, mail: Mail) -> tuple[int, str]:
        """One mail; the answer that decided."""
        steps = (
            (b"MAIL FROM:<%s>" % mail.reverse_path.encode(), 250),
            (b"RCPT TO:<%s>" % mail.forward_path.encode(), 250),
            (b"DATA", 354),
        )
        for line, wanted in steps:
            code, text = await self._say(line)
            if code != wanted:
                await self._say(b"RSET")
                return code, text
        stuffed = mail.content.replace(b"\r\n.", b"\r\n..")
        return await self._say(stuffed.removesuffix(b"\r\n") + b"\r\n.")

    def close(self) -> None:
        """QUIT without waiting for the answer."""
        self.writer.write(b"QUIT\r\n")
        self.writer.close()

    async def _say(self, line: bytes) -> tuple[int, str]:
        self.writer.write(line + b"\r\n")
        return await self._answer()

    async def _answer(self) -> tuple[int, str]:
        """A reply, its lines joined by a line feed (RFC 5321 §4.2.1)."""
        lines = []
        while True:
            line = await asyncio.wait_for(self.reader.readline(), _PATIENCE)
            if not line.endswith(b"\n"):
                raise UnreachableError("the server hung up")
            lines.append(line[4:].decode("utf-8", "replace").rstrip())
            if line[3:4] != b"-":
                return int(line[:3]), "\n".join(lines)

    @staticmethod
    def _must(wanted: int, answer: tuple[int, str]) -> str:
        if answer[0] != wanted:
            raise UnreachableError(f"{answer[0]} {answer[1]}")
        return answer[1]
