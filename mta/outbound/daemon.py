"""The sender role: claims due rows of its sites, sends them through lanes, settles what came of them.

asyncio on uvloop. One loop promotes, one makes campaign rows, one settles, one keeps the heartbeat. `run` returns
after SIGTERM once what was on the wire has ended or been handed back. Crash cases: see store/workers.py (claims),
mta/outbound/settle.py (results), mta/outbound/inject.py (campaign rows).
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import uvloop
from prometheus_client import Counter, Gauge

from mail.outcome import Reason
from mail.verp import Tokens
from mta.outbound import promote
from mta.outbound.compose import Composer, Recipe, Uncomposable
from mta.outbound.fence import Fence
from mta.outbound.inject import inject
from mta.outbound.job import Done, Job
from mta.outbound.lane import Desk, Lane, Limits, Tried
from mta.outbound.settle import Settler
from mta.outbound.shelf import Shelf
from mta.outbound.tls_outfit import route_of
from mta.outbound.tls_tally import TlsTally
from mta.outbound.verdict import ended, returned, settlement_of
from policy.backoff import Backoff
from policy.lifecycle import Event
from policy.rotation import EgressSource
from role.context import Context
from role.metrics_port import Pulse, serve_metrics
from store import workers
from store.outgoing import Addressee

BEAT: Final = 2.0  # seconds between heartbeats
LOOK: Final = 0.1  # seconds between looks at flows when nothing was due
FRESH: Final = 1.0  # seconds that a campaign's state may be old: a pause acts within these
LINGER: Final = timedelta(seconds=6)  # for what is on the wire at SIGTERM
IDLE_LANE: Final = timedelta(minutes=5)

ATTEMPTS = Counter("mailloft_attempts_total", "Transactions with remote hosts, by egress source and class of reply", [
    "source", "reply",
])  # fmt: skip
INFLIGHT = Gauge("mailloft_inflight", "Ledger rows in this process's hands")
CONNECTIONS = Gauge("mailloft_connections", "Open or opening connections to remote hosts")
LANES = Gauge("mailloft_lanes", "Lanes: pairs of egress source and site")


def run(context: Context) -> None:
    uvloop.run(Sender(context).serve())


class Sender:
    def __init__(self, context: Context) -> None:
        outbound = context.settings.outbound
        self._context = context
        self._sources = tuple(
            EgressSource(source.address, source.ehlo, source.pool, source.weight) for source in outbound.sources
        )
        self._plans = {
            name: Backoff(retry.first, retry.longest, retry.lifetime)
            for name, retry in (
                ("transactional", outbound.retry.transactional),
                ("campaign", outbound.retry.campaign),
                ("submission", outbound.retry.submission),
            )
        }
        self._limits = Limits(outbound.connections, outbound.messages_per_connection, outbound.idle)
        self._slots = promote.slots_of(context)
        self._shelf = Shelf(context)
        self._composer = Composer(Tokens(context.vault.derived("tokens")), context.public_url)
        self._tls_tally = TlsTally(context)
        self._fence = Fence()
        self._pulse = Pulse()
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._inflight = 0
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stopping.set)
        serve_metrics(self._context.sockets["metrics"], self._pulse)
        self._route = await asyncio.to_thread(route_of, self._context, self._tls_tally.add)
        self._worker = await self._registered()
        self._settler = Settler(self._context, self._worker, self._left)
        settling = loop.create_task(self._settler.run())
        loops = [loop.create_task(self._repeat(step)) for step in (self._beat, self._promote, self._inject, self._tidy)]
        self._context.ready()
        await self._stopping.wait()
        await asyncio.wait(loops[1:])
        await asyncio.gather(*(lane.stop(LINGER) for lane in self._lanes.values()))
        self._settler.close()
        await settling
        self._tls_tally.flush()
        loops[0].cancel()
        await asyncio.to_thread(self._context.stores.core.journal.run, lambda tx: workers.resign(tx, self._worker))

    async def _registered(self) -> int:
        asked_at = time.monotonic()
        context = self._context
        worker = await asyncio.to_thread(
            context.stores.core.journal.run,
            lambda tx: workers.register(tx, context.name, context.node, context.position, datetime.now(UTC)),
        )
        self._fence.renewed(asked_at)
        return worker

    async def _repeat(self, step: Callable[[], Awaitable[float]]) -> None:
        """Call a step again and again, after the pause in seconds that it asks for, until the role is to stop."""
        while not self._stopping.is_set():
            try:
                pause = await step()
            except Exception as error:  # noqa: BLE001 - the daemon's loop: logged, and tried again
                self._context.log.error("step_failed", raised=error, step=step.__name__)
                pause = 1.0
            if pause:
                try:
                    await asyncio.wait_for(self._stopping.wait(), pause)
                except TimeoutError:
                    continue

    async def _beat(self) -> float:
        asked_at = time.monotonic()
        beat = self._context.stores.core.journal.submit(lambda tx: workers.beat(tx, self._worker, datetime.now(UTC)))
        if await asyncio.wrap_future(beat):
            self._fence.renewed(asked_at)
            self._pulse.beat()
        else:
            # Another process has our claims: end, so that the parent starts us anew with a new incarnation.
            self._fence.buried()
            self._context.log.error("buried", worker=self._worker)
            self._stopping.set()
        return BEAT

    async def _promote(self) -> float:
        capacity = self._context.settings.limits.inflight - self._inflight
        if capacity <= 0:
            return LOOK / 5
        offered = await asyncio.to_thread(promote.due_flows, self._context, self._slots)
        load = Tally({lane.site: 0 for lane in self._lanes.values()})
        for lane in self._lanes.values():
            load[lane.site] += lane.load
        rows = await asyncio.to_thread(promote.claim, self._context, self._worker, offered, dict(load), capacity)
        self._inflight += len(rows)
        INFLIGHT.set(self._inflight)
        if not rows:
            return LOOK
        try:
            recipes, known = await asyncio.to_thread(self._looked_up, rows)
        except Exception as error:
            for row in rows:
                self._settler.take(promote.handed_back(row, f"could not be made ready: {type(error).__name__}"))
            raise
        for row in rows:
            self._dispatch(row, known.get(row.row.client_id or 0), recipes[row.row.message_id])
        return 0

    def _looked_up(self, rows: list[promote.Promoted]) -> tuple[dict[int, Recipe | Uncomposable], dict[int, Addressee]]:
        """What the rows' messages and clients are; on a thread."""
        recipes = self._shelf.of(sorted({row.row.message_id for row in rows}))
        return recipes, promote.addressees(self._context, rows)

    def _dispatch(self, promoted: promote.Promoted, addressee: Addressee | None, recipe: Recipe | Uncomposable) -> None:
        work = promote.job_of(promoted, addressee, recipe, self._sources)
        if isinstance(work, Done):
            self._settler.take(work)
        else:
            self._lane(work.source, work.site).push(work)

    def _lane(self, source: EgressSource, site: str) -> Lane:
        lane = self._lanes.get((source.address, site))
        if lane is None:
            desk = Desk(self._octets, self._tried, self._returned, lambda: self._fence.open(time.monotonic()))
            lane = Lane(source, site, self._limits, self._route, desk)
            self._lanes[source.address, site] = lane
        return lane

    def _octets(self, job: Job) -> tuple[str, str, bytes] | None:
        """The row's envelope and octets, or None where it is settled without an attempt."""
        if job.recipe.campaign_id is not None and self._shelf.stopped(job.recipe.campaign_id):
            self._returned(job, "the campaign is not running")
            return None
        try:
            made = self._composer.compose(job.recipe, job.row, job.variables, job.forward, datetime.now(UTC))
        except Uncomposable as error:
            self._settler.take(Done(ended(job.row, job.recipe, Event.FAIL, str(error), Reason.CONTENTERROR)))
            return None
        return made.reverse_path, made.forward_path, made.content

    def _tried(self, tried: Tried) -> None:
        job, heard = tried.job, tried.heard
        now = datetime.now(UTC)
        settlement = settlement_of(job, heard, self._plans, now, random.random())
        ATTEMPTS.labels(job.source.address, f"{heard.reply.code // 100}xx" if heard.reply else "lost").inc()
        if settlement.event is not Event.DELIVER:
            self._context.log.info(
                settlement.event.value, recipient=job.row.recipient_id, site=job.site, source=job.source.address,
                code=settlement.code, words=settlement.words, next_attempt_at=settlement.due,
            )  # fmt: skip
        self._settler.take(Done(settlement, tried.attempt))

    def _returned(self, job: Job, words: str) -> None:
        self._settler.take(Done(returned(job.row, job.recipe, words)))

    def _left(self, count: int) -> None:
        self._inflight -= count
        INFLIGHT.set(self._inflight)

    async def _inject(self) -> float:
        return 0 if await asyncio.to_thread(inject, self._context) else 2 * LOOK

    async def _tidy(self) -> float:
        """Every second: stop what was paused or cancelled, forget idle lanes, bury dead incarnations."""
        await asyncio.to_thread(self._shelf.refresh)
        self._tls_tally.flush()
        await asyncio.to_thread(
            self._context.stores.core.journal.run, lambda tx: workers.bury_dead(tx, datetime.now(UTC))
        )
        for lane in self._lanes.values():
            lane.withdraw(lambda job: self._shelf.stopped(job.recipe.campaign_id or 0), "the campaign is not running")
        old = datetime.now(UTC) - IDLE_LANE
        self._lanes = {
            key: lane for key, lane in self._lanes.items() if lane.load or lane.connections or lane.used_at > old
        }
        LANES.set(len(self._lanes))
        CONNECTIONS.set(sum(lane.connections for lane in self._lanes.values()))
        return FRESH
