"""A lane: (egress source, site), in memory. A bounded queue of rows and the connections that empty it.

Connections are opened when rows wait, up to the limit, kept while there is work, closed when idle or after so many
messages. When no host of the site can be reached all its waiting rows are deferred at once, so that a dead site costs
one attempt and not one for each row; while another connection of the lane works, one that is refused only means
that the host wants fewer. Crash case: everything here is INFLIGHT in the ledger and nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

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


@dataclass(slots=True)
class _Slot:
    """One connection of a lane, or the place for it. `opened_for` a domain, it may carry others of the site.

    `carried`: the domain of the last row. `early`: a row whose envelope went out behind the one before.
    """

    connection: Connection | None = None
    opened_for: str = ""
    carried: str = ""
    early: tuple[Job, Message] | None = None


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
        self._slots: dict[asyncio.Task[None], _Slot] = {}
        self._arrived = asyncio.Event()
        self._asleep_until = 0.0  # the loop's time, where the pace asks for a long wait
        self._stopping = False

    @property
    def load(self) -> int:
        early = sum(slot.early is not None for slot in self._slots.values())
        return len(self.waiting) + self.carrying + early

    @property
    def connections(self) -> int:
        return len(self._slots)

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
        if self._slots:
            _, running = await asyncio.wait(self._slots, timeout=within.total_seconds())
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
        elif len(self._slots) < min(limits.connections, len(self.waiting)):
            self._start()
        elif not self.waiting:
            self._pace.starving = False

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._stopping or loop.time() < self._asleep_until or not self._pace.take_slot():
            return
        slot = _Slot()
        task = loop.create_task(self._carry(slot))
        self._slots[task] = slot
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A slot is over. A row that came while the last one was saying QUIT found a slot and still has none."""
        slot = self._slots.pop(task)
        if slot.early is not None:
            self._desk.returned(slot.early[0], "the attempt was broken off")
        if slot.connection is not None:
            slot.connection.abort()
        self._pace.give_slot()
        if self.waiting and not self._slots and not self._stopping:
            self._woken()

    async def _carry(self, slot: _Slot) -> None:
        """The life of one connection slot: connect, transactions, quit; again while rows wait."""
        try:
            while (job := await self._next(slot)) is not None:
                if slot.connection is not None and not slot.connection.usable:
                    await self._close(slot)
                await self._one(job, slot)
                slot.carried = job.forward.domain
        except _Crowded:
            return
        await self._close(slot)

    async def _one(self, job: Job, slot: _Slot) -> None:
        """Send one row; what may carry the next stays in the slot. The row's result has been taken at the end."""
        self.carrying += 1
        taken = False
        try:
            made = await self._made(job, slot)
            if made is None:
                taken = True
                return
            started = datetime.now(UTC)
            try:
                connection, answer = await self._deliver(job, made, slot)
            except Unreachable as failure:
                taken = True
                self._unreached(job, failure, slot, started)
                return
            taken = True
            await self._heard(job, connection, answer, slot, started)
        finally:
            self.carrying -= 1
            if not taken:
                self._desk.returned(job, "the attempt was broken off")

    async def _heard(self, job: Job, connection: Connection, answer: Answer, slot: _Slot, started: datetime) -> None:
        if connection.out_of_step:
            self._route.lost_step(connection.peer.host)
        if answer.withheld:
            self._desk.returned(job, answer.words)
            await self._close(slot)
            return
        self._pace.heard(answer.reply)
        self._desk.tried(tried(job, connection, answer, started))
        limits = self._pace.limits
        if not connection.usable or limits is None or connection.carried >= limits.messages_per_connection:
            await self._close(slot)

    def _unreached(self, job: Job, failure: Unreachable, slot: _Slot, started: datetime) -> None:
        """No host takes a connection. Raises _Crowded where this row can wait for another of the lane."""
        if slot.early is not None:
            self.waiting.push_back(slot.early[0])
            slot.early = None
        of_site = not (failure.demanded or failure.out_of_reach)
        if of_site and failure.reply not in NO_MAIL.values():
            self._pace.unreached(failure.reply)
        if of_site and self._crowded(job, failure):
            self.waiting.push_back(job)
            self._arrived.set()
            raise _Crowded from failure
        self._defer_all(job, failure, started)

    async def _deliver(self, job: Job, made: Message, slot: _Slot) -> tuple[Connection, Answer]:
        """One transaction; on a new connection where the kept one turns out to have ended. Raises Unreachable."""
        domain, strict = job.forward.ascii_domain, job.recipe.requires_tls is True
        following, connection = partial(self._following, slot), slot.connection
        if connection is not None and await self._route.fits(connection, domain, strict=strict):
            answer = await connection.transact(*made, self._desk.may_end, strict, following)
            if answer.heard:
                return connection, answer
            if connection.out_of_step:
                self._route.lost_step(connection.peer.host)
        await self._close(slot)
        connection = await self._connected(job, slot)
        return connection, await connection.transact(*made, self._desk.may_end, strict, following)

    def _following(self, slot: _Slot) -> Message | None:
        """The row that this connection may carry next for the same domain, made now; None where that is not sure."""
        connection, limits = slot.connection, self._pace.limits
        if slot.early is not None:
            return slot.early[1]
        if self._stopping or connection is None or limits is None or len(self._slots) > limits.connections:
            return None
        at = self.waiting.plain_at(connection.peer.domain)
        if at is None or connection.carried >= limits.messages_per_connection or self._pace.admit(False) > 0.0:
            return None
        job = self.waiting.take_at(at)
        made = self._desk.octets(job)
        if made is not None:
            slot.early = job, made
        return made

    async def _made(self, job: Job, slot: _Slot) -> Message | None:
        early, slot.early = slot.early, None
        if job.retry == CAMPAIGN:
            await self._desk.turns.turn()
        if early is not None:
            return early[1]
        return self._desk.octets(job) if job.recipe.kept is None else await self._desk.large(job)

    def _crowded(self, job: Job, failure: Unreachable) -> bool:
        """Another connection of ours works for this domain, or at that host: it only wants fewer."""
        return any(
            slot.opened_for == job.forward.domain or failure.host.startswith(f"{slot.connection.peer.host}[")
            for slot in self._slots.values()
            if slot.connection is not None
        )

    async def _close(self, slot: _Slot) -> None:
        if (connection := slot.connection) is not None:
            slot.connection = None
            await connection.quit()

    async def _next(self, slot: _Slot) -> Job | None:
        """The next row when the pace allows it, or None when this slot is to end."""
        while not self._stopping:
            limits = self._pace.limits
            if limits is None:
                self.withdraw(lambda _: True, "the site rests")
                return None
            if slot.early is not None:
                return slot.early[0]
            if len(self._slots) > limits.connections or (slot.carried and self._gives_way(slot)):
                return None
            wait = limits.idle.total_seconds()
            if self.waiting and not self._desk.may_end():
                await asyncio.sleep(PAUSE)  # what is begun now could not be ended
                continue
            if self.waiting:
                wait = self._pace.admit(slot.connection is None)
                if wait == 0.0:
                    return self.waiting.take(slot.carried)
                if wait > limits.idle.total_seconds():
                    self._sleep(wait)
                    return None
            if await self._idled(wait) and not self.waiting:
                return None
        return None

    def _gives_way(self, slot: _Slot) -> bool:
        """To a source that has no connection at all: when idle, and instead of connecting again."""
        return (slot.connection is None or not self.waiting) and self._pace.yields

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

    async def _connected(self, job: Job, slot: _Slot) -> Connection:
        """A new connection to the best host that takes one. Raises Unreachable."""
        made = await self._route.connect(job.forward.ascii_domain, self.source, lax=job.recipe.requires_tls is False)
        slot.connection, slot.opened_for = made, job.forward.domain
        return made

    def _defer_all(self, job: Job, failure: Unreachable, started: datetime) -> None:
        """A verdict on the site is one on every row that waits for it; rows of other domains are tried themselves."""
        domain = job.forward.ascii_domain
        for one in [job, *self.waiting.remove(lambda one: one.forward.ascii_domain == domain)]:
            self._desk.tried(untried(one, failure, started))
