"""A lane: (egress source, site), in memory. A bounded queue of rows and the connections that empty it.

Connections are opened when rows wait, up to the limit, kept while there is work, closed when idle or after so many
messages. When no host of the site can be reached all its waiting rows are deferred at once, so that a dead site costs
one attempt and not one for each row; while another connection of the lane works, one that is refused only means
that the host wants fewer. Crash case: everything here is INFLIGHT in the ledger and nothing more.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from mail.reply import Reply
from mta.outbound.job import Job
from mta.outbound.verdict import Heard
from net.resolver import MailHosts, MailStanding, Resolver
from net.smtp_connection import Answer, ConnectError, Connection, Peer, Timeouts
from policy.rotation import EgressSource
from store.attempts import Attempt

HOSTS_TRIED: Final = 5  # addresses of a site's hosts before it counts as unreachable


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int
    messages_per_connection: int
    idle: timedelta
    port: int
    timeouts: Timeouts


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt: which row, what was heard, and its line for the log."""

    job: Job
    heard: Heard
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Desk:
    """What a lane asks of the daemon: to make a row's octets, to take its result, and whether the final dot is allowed.

    `octets` gives None where the row needs no attempt (its result is already taken).
    """

    octets: Callable[[Job], tuple[str, str, bytes] | None]
    tried: Callable[[Tried], None]
    returned: Callable[[Job, str], None]
    may_end: Callable[[], bool]


class Unreachable(Exception):  # noqa: N818 - it is a verdict on a site
    """No host of the site took a connection; `reply` is what the last one said, or our own word for the DNS answer."""

    def __init__(self, words: str, reply: Reply | None = None, host: str = "") -> None:
        super().__init__(words)
        self.reply = reply
        self.host = host


class _Crowded(Exception):  # noqa: N818 - ends one connection slot
    """The site refuses a further connection while others of this lane work."""


class Lane:
    def __init__(
        self, source: EgressSource, site: str, limits: Limits, resolver: Resolver, tls: ssl.SSLContext, desk: Desk
    ) -> None:
        self.source = source
        self.site = site
        self.waiting: deque[Job] = deque()
        self.carrying = 0
        self.used_at = datetime.now(UTC)
        self._limits = limits
        self._resolver = resolver
        self._tls = tls
        self._desk = desk
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()
        self._plain_hosts: set[str] = set()
        self._held: dict[asyncio.Task[None], Connection] = {}
        self._stopping = False

    @property
    def load(self) -> int:
        return len(self.waiting) + self.carrying

    @property
    def connections(self) -> int:
        return len(self._tasks)

    def push(self, job: Job) -> None:
        self.waiting.append(job)
        self._arrived.set()
        self.used_at = datetime.now(UTC)
        if len(self._tasks) < min(self._limits.connections, len(self.waiting)):
            self._start()

    def withdraw(self, stopped: Callable[[Job], bool], words: str) -> None:
        """Hand back the waiting rows that are to go no further now."""
        kept: deque[Job] = deque()
        for job in self.waiting:
            if stopped(job):
                self._desk.returned(job, words)
            else:
                kept.append(job)
        self.waiting = kept

    async def stop(self, within: timedelta) -> None:
        """Hand back what waits; let what is on the wire end, `within` so long."""
        self._stopping = True
        self.withdraw(lambda _: True, "the sender ends")
        self._arrived.set()
        if self._tasks:
            _, running = await asyncio.wait(self._tasks, timeout=within.total_seconds())
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    def _start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._carry())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A slot is over. A row that came while the last one was saying QUIT found a slot and still has none."""
        self._tasks.discard(task)
        if (left := self._held.pop(task, None)) is not None:
            left.abort()
        if self.waiting and not self._tasks and not self._stopping:
            self._start()

    async def _carry(self) -> None:
        """The life of one connection slot: connect, transactions, quit; again while rows wait."""
        connection: Connection | None = None
        try:
            while (job := await self._next()) is not None:
                kept, connection = connection, None
                if kept is not None and not kept.usable:
                    await self._close(kept)
                    kept = None
                connection = await self._one(job, kept)
        except _Crowded:
            return
        finally:
            if connection is not None:
                await self._close(connection)

    async def _one(self, job: Job, connection: Connection | None) -> Connection | None:
        """Send one row; the connection for the next. The row's result has been taken when this returns."""
        self.carrying += 1
        taken = False
        try:
            made = self._desk.octets(job)
            if made is None:
                taken = True
                return connection
            started = datetime.now(UTC)
            try:
                connection, answer = await self._deliver(job, made, connection)
            except Unreachable as failure:
                taken = True
                if self._held:
                    self.waiting.appendleft(job)
                    self._arrived.set()
                    raise _Crowded from failure
                self._defer_all(job, failure, started)
                return None
            taken = True
            self._desk.tried(_tried(job, connection, answer, started))
            return await self._after(connection)
        finally:
            self.carrying -= 1
            if not taken:
                self._desk.returned(job, "the attempt was broken off")

    async def _deliver(
        self, job: Job, made: tuple[str, str, bytes], connection: Connection | None
    ) -> tuple[Connection, Answer]:
        """One transaction; on a new connection where the kept one turns out to have ended. Raises Unreachable."""
        if connection is not None:
            answer = await connection.transact(*made, self._desk.may_end)
            if answer.heard:
                return connection, answer
            await self._close(connection)
        connection = await self._connected(job)
        return connection, await connection.transact(*made, self._desk.may_end)

    async def _after(self, connection: Connection) -> Connection | None:
        if connection.usable and connection.carried < self._limits.messages_per_connection:
            return connection
        await self._close(connection)
        return None

    async def _close(self, connection: Connection) -> None:
        self._held.pop(_this_task(), None)
        await connection.quit()

    async def _next(self) -> Job | None:
        """The next row, or None when the lane stops or stays idle for too long."""
        while not self.waiting:
            if self._stopping:
                return None
            self._arrived.clear()
            try:
                async with asyncio.timeout(self._limits.idle.total_seconds()):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return self.waiting.popleft()

    async def _connected(self, job: Job) -> Connection:
        """A new connection to the best host that takes one. Raises Unreachable."""
        hosts = await self._resolver.mail_hosts(job.forward.ascii_domain)
        failure: Unreachable | None = None
        for host, address in await self._addresses(hosts):
            try:
                made = await self._connect(host, address)
                self._held[_this_task()] = made
                return made
            except ConnectError as error:
                failure = Unreachable(str(error), error.reply, f"{host}[{address}]")
        raise failure or Unreachable(f"no host of {self.site} has an address that {self.source.address} can reach")

    async def _connect(self, host: str, address: str) -> Connection:
        """With TLS if the host can, else in clear: a host whose TLS is broken still gets its mail (RFC 7435)."""
        peer = Peer(host, address, self._limits.port, self.source.address, self.source.ehlo)
        plain = host in self._plain_hosts
        try:
            return await Connection.connect(peer, self._limits.timeouts, None if plain else self._tls)
        except ConnectError as error:
            if not error.tls:
                raise
            self._plain_hosts.add(host)
        return await Connection.connect(peer, self._limits.timeouts, None)

    async def _addresses(self, hosts: MailHosts) -> list[tuple[str, str]]:
        if hosts.standing in _NO_MAIL:
            reply = _NO_MAIL[hosts.standing]
            raise Unreachable(str(reply), reply)
        if hosts.standing is MailStanding.TEMPORARY:
            raise Unreachable(f"the name servers did not tell the MX of {self.site}: {hosts.words}")
        found: list[tuple[str, str]] = []
        ours_is_v6 = ":" in self.source.address
        for host in hosts.hosts:
            known = await self._resolver.addresses_of(host.name)
            found += [(host.name, address) for address in known.addresses if (":" in address) == ours_is_v6]
            if len(found) >= HOSTS_TRIED:
                break
        return found[:HOSTS_TRIED]

    def _defer_all(self, job: Job, failure: Unreachable, started: datetime) -> None:
        """A verdict on the site is one on every row that waits for it; rows of other domains are tried themselves."""
        waiting, self.waiting = list(self.waiting), deque()
        for one in [job, *waiting]:
            if one.forward.domain == job.forward.domain:
                self._desk.tried(_untried(one, failure, started))
            else:
                self.waiting.append(one)


def _this_task() -> asyncio.Task[None]:
    return cast("asyncio.Task[None]", asyncio.current_task())


# RFC 7505 §4.2 and RFC 3463 §3.2: our own words for what the DNS says, so that they are judged as a host's are.
_NO_MAIL: Final = {
    MailStanding.NO_NAME: Reply(550, "5.1.2", "the domain does not exist (NXDOMAIN): host not found"),
    MailStanding.NO_RECORDS: Reply(550, "5.1.2", "the domain has neither MX nor address: host not found"),
    MailStanding.NULL: Reply(556, "5.1.10", "the domain accepts no mail (null MX)"),
}


def _tried(job: Job, connection: Connection, answer: Answer, started: datetime) -> Tried:
    now = datetime.now(UTC)
    reply = answer.reply
    kept = None if reply is not None and reply.positive else answer.transcript
    attempt = Attempt(
        job.row.recipient_id, now, job.source.address, str(connection.peer), connection.tls,
        reply.code if reply else None, answer.words[:1000], kept, (now - started) // timedelta(milliseconds=1),
    )  # fmt: skip
    return Tried(job, Heard(reply, answer.words), attempt)


def _untried(job: Job, failure: Unreachable, started: datetime) -> Tried:
    now = datetime.now(UTC)
    attempt = Attempt(
        job.row.recipient_id, now, job.source.address, failure.host, None,
        failure.reply.code if failure.reply else None, str(failure)[:1000], None,
        (now - started) // timedelta(milliseconds=1),
    )  # fmt: skip
    return Tried(job, _site_verdict(failure), attempt)


def _site_verdict(failure: Unreachable) -> Heard:
    """A greeting of 5xx is a verdict on us, not on the recipient: deferred like a refused connection."""
    if failure.reply is not None and failure.reply in _NO_MAIL.values():
        return Heard(failure.reply, str(failure))
    return Heard(None, str(failure))
