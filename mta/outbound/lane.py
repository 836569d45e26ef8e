"""A lane: (egress source, site), in memory. A bounded queue of rows and the connections that empty it.

Connections are opened when rows wait, up to the limit, kept while there is work, closed when idle or after so many
messages. When no host of the site can be reached all its waiting rows are deferred at once, so that a dead site costs
one attempt and not one for each row; while another connection of the lane works, one that is refused only means
that the host wants fewer. Crash case: everything here is INFLIGHT in the ledger and nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, cast

from mta.outbound.desk import Desk
from mta.outbound.job import Job
from mta.outbound.lane_queue import LaneQueue
from mta.outbound.route import NO_MAIL, Route, Unreachable
from mta.outbound.site_pace import LanePace
from mta.outbound.tried import tried, untried
from net.smtp_connection import Answer, Connection, Message
from policy.fairness import CLASSES
from policy.rotation import EgressSource

PAUSE: Final = 0.2  # seconds between looks whether our claims are ours again
CAMPAIGN: Final = CLASSES[-1]


class _Crowded(Exception):  # noqa: N818 - ends one connection slot
    """The site refuses a further connection while others of this lane work."""


class Lane:
    def __init__(self, source: EgressSource, site: str, pace: LanePace, route: Route, desk: Desk) -> None:
        self.source = source
        self.site = site
        self.waiting = LaneQueue()
        self.carrying = 0
        self.used_at = datetime.now(UTC)
        self._pace = pace
        self._pace.wake = self._woken
        self._route = route
        self._desk = desk
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()
        self._early: dict[asyncio.Task[None], tuple[Job, Message]] = {}  # made before the turn of its slot came
        self._held: dict[asyncio.Task[None], tuple[Connection, str]] = {}  # with the domain it was opened for
        self._asleep_until = 0.0  # the loop's time, where the pace asks for a long wait
        self._stopping = False

    @property
    def load(self) -> int:
        return len(self.waiting) + self.carrying + len(self._early)

    @property
    def connections(self) -> int:
        return len(self._tasks)

    def push(self, job: Job) -> None:
        self.waiting.push(job)
        self.used_at = datetime.now(UTC)
        self._woken()

    def withdraw(self, stopped: Callable[[Job], bool], words: str) -> None:
        """Hand back the waiting rows that are to go no further now."""
        for job in self.waiting.remove(stopped):
            self._desk.returned(job, words)

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

    def _woken(self) -> None:
        """A row came, a slot is free or wanted, a limit changed: hand back, or open a further connection."""
        self._arrived.set()
        limits = self._pace.limits
        if limits is None:
            self.withdraw(lambda _: True, "the site rests")
        elif len(self._tasks) < min(limits.connections, len(self.waiting)):
            self._start()
        elif not self.waiting:
            self._pace.starving = False

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._stopping or loop.time() < self._asleep_until or not self._pace.take_slot():
            return
        task = loop.create_task(self._carry())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A slot is over. A row that came while the last one was saying QUIT found a slot and still has none."""
        self._tasks.discard(task)
        if (early := self._early.pop(task, None)) is not None:
            self._desk.returned(early[0], "the attempt was broken off")
        if (left := self._held.pop(task, None)) is not None:
            left[0].abort()
        self._pace.give_slot()
        if self.waiting and not self._tasks and not self._stopping:
            self._woken()

    async def _carry(self) -> None:
        """The life of one connection slot: connect, transactions, quit; again while rows wait."""
        connection: Connection | None = None
        domain = ""
        try:
            while (job := await self._next(connection, domain)) is not None:
                kept, connection = connection, None
                if kept is not None and not kept.usable:
                    await self._close(kept)
                    kept = None
                connection, domain = await self._one(job, kept), job.forward.domain
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
            made = await self._made(job)
            if made is None:
                taken = True
                return connection
            started = datetime.now(UTC)
            try:
                connection, answer = await self._deliver(job, made, connection)
            except Unreachable as failure:
                taken = True
                if (early := self._early.pop(_this_task(), None)) is not None:
                    self.waiting.push_back(early[0])
                if failure.reply not in NO_MAIL.values() and not (failure.demanded or failure.out_of_reach):
                    self._pace.unreached(failure.reply)
                if not (failure.demanded or failure.out_of_reach) and self._crowded(job, failure):
                    self.waiting.push_back(job)
                    self._arrived.set()
                    raise _Crowded from failure
                self._defer_all(job, failure, started)
                return None
            taken = True
            if connection.out_of_step:
                self._route.lost_step(connection.peer.host)
            if answer.withheld:
                self._desk.returned(job, answer.words)
                await self._close(connection)
                return None
            self._pace.heard(answer.reply)
            self._desk.tried(tried(job, connection, answer, started))
            return await self._after(connection)
        finally:
            self.carrying -= 1
            if not taken:
                self._desk.returned(job, "the attempt was broken off")

    async def _deliver(self, job: Job, made: Message, connection: Connection | None) -> tuple[Connection, Answer]:
        """One transaction; on a new connection where the kept one turns out to have ended. Raises Unreachable."""
        domain, strict = job.forward.ascii_domain, job.recipe.requires_tls is True
        if connection is not None and await self._route.fits(connection, domain, strict=strict):
            following = partial(self._following, connection)
            answer = await connection.transact(*made, self._desk.may_end, strict, following)
            if answer.heard:
                return connection, answer
            if connection.out_of_step:
                self._route.lost_step(connection.peer.host)
        if connection is not None:
            await self._close(connection)
        connection = await self._connected(job)
        following = partial(self._following, connection)
        return connection, await connection.transact(*made, self._desk.may_end, strict, following)

    def _following(self, connection: Connection) -> Message | None:
        """The row that this connection may carry next for the same domain, made now; None where that is not sure."""
        task, limits, domain = _this_task(), self._pace.limits, connection.peer.domain
        if task in self._early:
            return self._early[task][1]
        if self._stopping or limits is None or len(self._tasks) > limits.connections:
            return None
        if connection.carried >= limits.messages_per_connection or not self.waiting.has_plain(domain):
            return None
        if self._pace.admit(False) > 0.0 or (job := self.waiting.take_plain(domain)) is None:
            return None
        made = self._desk.octets(job)
        if made is not None:
            self._early[task] = job, made
        return made

    async def _made(self, job: Job) -> Message | None:
        early = self._early.pop(_this_task(), None)
        if job.retry == CAMPAIGN:
            await self._desk.turns.turn()
        if early is not None:
            return early[1]
        return self._desk.octets(job) if job.recipe.kept is None else await self._desk.large(job)

    async def _after(self, connection: Connection) -> Connection | None:
        limits = self._pace.limits
        if connection.usable and limits is not None and connection.carried < limits.messages_per_connection:
            return connection
        await self._close(connection)
        return None

    def _crowded(self, job: Job, failure: Unreachable) -> bool:
        """Another connection of ours works for this domain, or at that host: it only wants fewer."""
        return any(
            domain == job.forward.domain or failure.host.startswith(f"{held.peer.host}[")
            for held, domain in self._held.values()
        )

    async def _close(self, connection: Connection) -> None:
        self._held.pop(_this_task(), None)
        await connection.quit()

    async def _next(self, kept: Connection | None, domain: str) -> Job | None:
        """The next row when the pace allows it, or None when this slot is to end."""
        while not self._stopping:
            limits = self._pace.limits
            if limits is None:
                self.withdraw(lambda _: True, "the site rests")
                return None
            if (early := self._early.get(_this_task())) is not None:
                return early[0]
            if len(self._tasks) > limits.connections or (domain and self._gives_way(kept)):
                return None
            wait = limits.idle.total_seconds()
            if self.waiting and not self._desk.may_end():
                await asyncio.sleep(PAUSE)  # what is begun now could not be ended
                continue
            if self.waiting:
                wait = self._pace.admit(kept is None)
                if wait == 0.0:
                    return self.waiting.take(domain)
                if wait > limits.idle.total_seconds():
                    self._sleep(wait)
                    return None
            if await self._idled(wait) and not self.waiting:
                return None
        return None

    def _gives_way(self, kept: Connection | None) -> bool:
        """To a source that has no connection at all: when idle, and instead of connecting again."""
        return (kept is None or not self.waiting) and self._pace.yields

    async def _idled(self, seconds: float) -> bool:
        """Wait for something to happen; True where nothing did."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return True
        return False

    def _sleep(self, seconds: float) -> None:
        """No connection is kept open through a long wait."""
        loop = asyncio.get_running_loop()
        self._asleep_until = loop.time() + seconds
        loop.call_later(seconds, self._woken)

    async def _connected(self, job: Job) -> Connection:
        """A new connection to the best host that takes one. Raises Unreachable."""
        made = await self._route.connect(job.forward.ascii_domain, self.source, lax=job.recipe.requires_tls is False)
        self._held[_this_task()] = (made, job.forward.domain)
        return made

    def _defer_all(self, job: Job, failure: Unreachable, started: datetime) -> None:
        """A verdict on the site is one on every row that waits for it; rows of other domains are tried themselves."""
        domain = job.forward.ascii_domain
        for one in [job, *self.waiting.remove(lambda one: one.forward.ascii_domain == domain)]:
            self._desk.tried(untried(one, failure, started))


def _this_task() -> asyncio.Task[None]:
    return cast("asyncio.Task[None]", asyncio.current_task())
