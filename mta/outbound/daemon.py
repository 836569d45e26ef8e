"""The sender role: claims due rows of its sites, sends them through lanes, settles what came of them.

asyncio on uvloop. One loop promotes, one makes campaign rows, one settles, one keeps the heartbeat. `run` returns
after SIGTERM once what was on the wire has ended or been handed back. Crash cases: see store/workers.py (claims),
mta/outbound/settle.py (results), mta/outbound/inject.py (campaign rows).
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import uvloop
from prometheus_client import Counter, Gauge

from mail.verp import Tokens
from mta.outbound import promote
from mta.outbound.clerk import Clerk
from mta.outbound.commits import Commits, behind
from mta.outbound.compose import Composer, Recipe, Uncomposable
from mta.outbound.desk import Desk
from mta.outbound.fence import Fence
from mta.outbound.heartbeat import Heartbeat
from mta.outbound.inject import inject
from mta.outbound.job import Done
from mta.outbound.lane import Lane
from mta.outbound.names import check_names
from mta.outbound.offering import Offering
from mta.outbound.pacing import Pacing, Sickness
from mta.outbound.reach import Reach
from mta.outbound.rollup import Rollup
from mta.outbound.settle import Settler
from mta.outbound.shelf import Shelf
from mta.outbound.slow import SlowCampaigns
from mta.outbound.surroundings import Surroundings
from mta.outbound.tls_outfit import route_of
from mta.outbound.tls_tally import TlsTally
from mta.outbound.turns import Turns
from mta.outbound.warming import warming_of
from net.resolver import Resolver
from policy.gcra import parse_rate
from policy.rotation import EgressSource
from policy.shaping import Limits as Shape
from policy.shaping import Reaction
from role.context import Context
from role.metrics_port import Pulse, serve_metrics
from store import reactions, workers
from store.changes import Changes
from store.outgoing import Addressee
from store.shaping_table import table_for

BEATS: Final = 5  # heartbeats in the time that an incarnation lives without one
LOOK: Final = 0.1  # seconds between looks at flows where what is due may not go yet
QUIET: Final = 1.0  # seconds without a commit, after which a look is due all the same: retries fall due by time
OVERDUE: Final = 5.0  # the same, for what is less urgent
GATHER: Final = 0.05  # seconds that rows gather between two claims: each has its price, however few it finds
FRESH: Final = 1.0  # seconds that a campaign's state may be old: a pause acts within these
LINGER: Final = timedelta(seconds=6)  # for what is on the wire at SIGTERM
IDLE_LANE: Final = timedelta(minutes=5)

STEPS_FAILED = Counter("mailloft_sender_steps_failed_total", "Rounds of the sender that broke off and are repeated", [
    "step",
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
        own = Shape(outbound.connections, outbound.messages_per_connection, outbound.idle)
        shaping = context.settings.shaping
        table = table_for(context.settings)
        sickness = Sickness(
            shaping.sick_refusals, shaping.sick_share, shaping.sick_within, shaping.sick_rest, shaping.sick_sites
        )
        self._pacing = Pacing(self._sources, table, own, sickness, self._reacted)
        self._providers = frozenset(table.provider)
        self._warming = warming_of(outbound.sources, table)
        self._reach = Reach()
        self._rollup = Rollup(context, table.provider)
        self._slow = SlowCampaigns(parse_rate(context.settings.breaker.slow), context.of)
        self._offering = Offering(context, promote.slots_of(context))
        self._shelf = Shelf(context)
        self._composer = Composer(Tokens(context.vault.derived("tokens")), context.public_url)
        self._turns = Turns()
        self._tls_tally = TlsTally(context)
        self._life = outbound.heartbeat
        self._fence = Fence(self._life)
        self._heartbeat = Heartbeat(context, self._fence, self._life)
        self._pulse = Pulse()
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._hands: set[int] = set()  # the ledger rows that we hold
        self._doubtful = False  # whether rows may be claimed for us that we never heard of
        self._stopping = asyncio.Event()
        self._commits = Commits(Changes(context.stores.core.database))
        self._tidied = self._commits.mark()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stopping.set)
        serve_metrics(self._context.sockets["metrics"], self._pulse)
        names = self._context.settings.dns
        self._resolver = Resolver(names.servers, names.timeout, validating=names.validating)
        self._route = await asyncio.to_thread(route_of, self._context, self._resolver, self._tls_tally.add)
        self._worker = await self._heartbeat.register()
        self._surroundings = Surroundings(
            self._context, self._worker, self._fence, self._shelf, self._pacing, self._warming
        )
        await asyncio.to_thread(self._surroundings.recall)
        self._settler = Settler(self._context, self._worker, self._context.settings.outbound.delay_warning, self._left)
        self._clerk = Clerk(
            self._context, self._shelf, self._composer, self._pacing, self._warming, self._reach, self._settler,
            self._providers,
        )  # fmt: skip
        settling = loop.create_task(self._settler.run())
        watching = loop.create_task(self._commits.watch())
        beating, looking, *working = (loop.create_task(self._repeat(step)) for step in (
            self._beat, self._look_at_names, self._promote, self._inject, self._tidy, self._roll_up
        ))  # fmt: skip
        self._context.ready()
        await self._stopping.wait()
        looking.cancel()  # it may wait for name servers that are gone, longer than we may take
        watching.cancel()
        self._commits.wake()
        await asyncio.wait(working)
        await asyncio.gather(*(lane.stop(LINGER) for lane in self._lanes.values()))
        self._settler.close()
        await settling
        self._tls_tally.flush()
        beating.cancel()
        await self._heartbeat.resign()

    async def _repeat(self, step: Callable[[], Awaitable[float]]) -> None:
        """Call a step again and again, after the pause in seconds that it asks for, until the role is to stop."""
        while not self._stopping.is_set():
            try:
                pause = await step()
            except Exception as error:  # noqa: BLE001 - the daemon's loop: logged, and tried again
                STEPS_FAILED.labels(step.__name__.strip("_")).inc()
                self._context.log.error("step_failed", raised=error, step=step.__name__)
                pause = 1.0
            if pause:
                try:
                    await asyncio.wait_for(self._stopping.wait(), pause)
                except TimeoutError:
                    continue

    async def _beat(self) -> float:
        if await self._heartbeat.beat():
            self._pulse.beat()
        else:
            self._stopping.set()  # so that the parent starts us anew with a new incarnation
        return self._life.total_seconds() / BEATS

    async def _promote(self) -> float:
        mark = self._commits.mark()
        most = self._context.settings.limits.inflight
        if self._doubtful:
            await asyncio.to_thread(self._let_go_strays)
        capacity = most - len(self._hands)
        if capacity <= 0:
            return LOOK / 5
        offered = await asyncio.to_thread(self._offering.look, self._pacing.resting())
        if not offered:
            await behind(mark, QUIET)
            return 0
        slowed = self._slow.left(self._shelf.slowed, time.monotonic())
        offered = promote.offers(offered, self._pacing, slowed)
        room = self._room({flow.site for flow in offered})
        self._doubtful = True  # until it answers: a commit may outlive the connection that asked for it
        rows = await asyncio.to_thread(
            promote.claim, self._context, self._worker, offered, room, capacity, most, slowed
        )
        self._doubtful = False
        claimed = Tally(row.flow.stream_id for row in rows if row.flow.stream == "campaign")
        self._slow.used(slowed.keys(), claimed, time.monotonic())
        self._hands |= {row.row.recipient_id for row in rows}
        INFLIGHT.set(len(self._hands))
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
        return GATHER

    def _looked_up(self, rows: list[promote.Promoted]) -> tuple[dict[int, Recipe | Uncomposable], dict[int, Addressee]]:
        """What the rows' messages and clients are; on a thread."""
        recipes = self._shelf.of([row.row.message_id for row in rows])
        return recipes, promote.addressees(self._context, rows)

    def _room(self, sites: set[str]) -> dict[str, int]:
        """Rows that each site can take beside those in its lanes."""
        load = Tally[str]()
        for lane in self._lanes.values():
            load[lane.site] += lane.load
        return {site: self._pacing.room(site, promote.ROOM) - load[site] for site in sites}

    def _dispatch(self, promoted: promote.Promoted, addressee: Addressee | None, recipe: Recipe | Uncomposable) -> None:
        work = promote.job_of(promoted, addressee, recipe, self._pacing, self._warming, self._reach)
        if isinstance(work, Done):
            self._settler.take(work)
        else:
            self._lane(work.source, work.site).push(work)

    def _lane(self, source: EgressSource, site: str) -> Lane:
        lane = self._lanes.get((source.address, site))
        if lane is None:
            clerk = self._clerk
            desk = Desk(
                clerk.octets, clerk.tried, clerk.returned, lambda: self._fence.open(time.monotonic()), clerk.large,
                self._turns,
            )  # fmt: skip
            lane = Lane(source, site, self._pacing.site(site).lane(source.address), self._route, desk)
            self._lanes[source.address, site] = lane
        return lane

    def _left(self, rows: Sequence[int]) -> None:
        self._hands.difference_update(rows)
        INFLIGHT.set(len(self._hands))

    def _let_go_strays(self) -> None:
        """Rows that a claim took whose answer never came; on a thread, while no claim is under way."""
        core = self._context.stores.core
        with core.database.read() as connection:
            strays = set(workers.claimed(connection, self._worker)) - self._hands
        if strays:
            core.journal.run(lambda tx: workers.let_go(tx, self._worker, strays, datetime.now(UTC)))
        self._doubtful = False

    async def _inject(self) -> float:
        mark = self._commits.mark()
        if not await asyncio.to_thread(inject, self._context):
            await behind(mark, OVERDUE)
            return LOOK
        return 0

    async def _tidy(self) -> float:
        """A second behind each commit: stop what was paused, cancelled or held, forget idle lanes, bury the dead."""
        await behind(self._tidied, OVERDUE)
        self._tidied = self._commits.mark()
        self._tls_tally.flush()
        asked = await asyncio.to_thread(self._surroundings.look)
        for lane in self._lanes.values():
            lane.withdraw(lambda job: self._shelf.stopped(job.recipe.campaign_id or 0), "the campaign is not running")
            lane.withdraw(lambda job: job.row.recipient_id in asked, "an operator asked for it")
        old = datetime.now(UTC) - IDLE_LANE
        self._lanes = {
            key: lane for key, lane in self._lanes.items() if lane.load or lane.connections or lane.used_at > old
        }
        self._pacing.forget({lane.site: lane for lane in self._lanes.values()})
        LANES.set(len(self._lanes))
        CONNECTIONS.set(sum(lane.connections for lane in self._lanes.values()))
        return FRESH

    def _reacted(self, reaction: Reaction) -> None:
        """Saved beside the loop; not awaited, since the lanes keep to it already."""
        self._context.log.warning(
            "reaction", site=reaction.site, source=reaction.source, action=reaction.action.value, value=reaction.value,
            until=reaction.until, origin=reaction.origin,
        )  # fmt: skip
        now = datetime.now(UTC)
        self._context.stores.core.journal.submit(lambda tx: reactions.save(tx, [reaction], now))

    async def _roll_up(self) -> float:
        """One worker of each node asks for the MX of domains that nobody asked about."""
        if self._context.position:
            return 60.0
        mark = self._commits.mark()
        if not await self._rollup.round(self._resolver):
            await behind(mark, OVERDUE)
        return 0.0

    async def _look_at_names(self) -> float:
        """At start and hourly: whether the names of our addresses are in order."""
        if not self._context.position:
            await check_names(self._resolver, self._sources, self._context.log)
        return 3600.0
