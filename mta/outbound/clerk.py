"""What lanes ask of the sender: the octets of a row, and what becomes of the answer to it.

On the loop of one worker. Everything ends in the settler; crash case: a row whose result was not settled is INFLIGHT,
and is claimed again (store/workers.py).
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter

from mail.outcome import Reason
from mta.outbound import metering
from mta.outbound.compose import Composer, Uncomposable
from mta.outbound.job import Done, Job
from mta.outbound.large_mail import LargeMail
from mta.outbound.pacing import Pacing
from mta.outbound.reach import Reach, is_ipv6
from mta.outbound.route import Unreachable
from mta.outbound.settle import Settler
from mta.outbound.shelf import Shelf
from mta.outbound.tried import Tried, untried
from mta.outbound.verdict import ended, returned, settlement_of
from mta.outbound.warming import Warming
from net.smtp_connection import Message
from policy.backoff import Backoff
from policy.lifecycle import Event
from policy.sickness import OURS
from role.context import Context

DSNS_DROPPED: Final = Counter("mailloft_dsns_dropped_total", "DSNs of ours that could not be delivered")


class Clerk:
    """`shelf`, `pacing`, `warming` and `reach` are the worker's, `settler` takes each result once; `providers` are
    those that metrics name."""

    def __init__(
        self, context: Context, shelf: Shelf, composer: Composer, pacing: Pacing, warming: Warming, reach: Reach,
        settler: Settler, providers: Collection[str],
    ) -> None:  # fmt: skip
        retry = context.settings.outbound.retry
        self._context = context
        self._plans = {
            name: Backoff(one.first, one.longest, one.lifetime)
            for name, one in (
                ("transactional", retry.transactional), ("campaign", retry.campaign), ("submission", retry.submission)
            )
        }  # fmt: skip
        self._shelf = shelf
        self._composer = composer
        self._large_mail = LargeMail(context, composer)
        self._pacing = pacing
        self._warming = warming
        self._reach = reach
        self._settler = settler
        self._providers = providers

    def octets(self, job: Job) -> Message | None:
        """The row's envelope and octets, or None where it is settled without an attempt."""
        if job.recipe.campaign_id is not None and self._shelf.stopped(job.recipe.campaign_id):
            self.returned(job, "the campaign is not running")
            return None
        try:
            made = self._composer.compose(job.recipe, job.row, job.variables, job.forward, datetime.now(UTC))
        except Uncomposable as error:
            self._unfit(job, error)
            return None
        return made.reverse_path, made.forward_path, made.content

    async def large(self, job: Job) -> Message | None:
        """The same for a message that is read only now."""
        started = datetime.now(UTC)
        assert job.recipe.kept is not None
        try:
            return await self._large_mail.made(job, job.recipe.kept, started)
        except Uncomposable as error:
            self._unfit(job, error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with database or disk, the row is tried again
            self._context.log.error("message_unread", raised=error, recipient=job.row.recipient_id)
            self.tried(untried(job, Unreachable(f"the message could not be read here: {error}"), started))
        return None

    def _unfit(self, job: Job, error: Uncomposable) -> None:
        self._warming.done(job.source.address, job.site, tried=False)
        self._settler.take(Done(ended(job.row, job.recipe, Event.FAIL, str(error), Reason.CONTENTERROR)))

    def tried(self, tried: Tried) -> None:
        job, heard = tried.job, tried.heard
        if heard.out_of_reach and self._goes_by_another(job):
            self.returned(job, heard.words)
            return
        now = datetime.now(UTC)
        others = self._others(job) if heard.reply is None or not heard.reply.positive else ()
        settlement = settlement_of(job, heard, self._plans, now, random.random(), others)
        self._warming.done(job.source.address, job.site, tried=True)
        if settlement.reason in OURS and heard.reply is not None:  # a refused connection was counted by its lane
            self._pacing.site(job.site).lane(job.source.address).refused(heard.words)
        metering.count(tried, settlement, self._providers, now)
        if settlement.event in (Event.FAIL, Event.EXPIRE) and job.recipe.report is not None:
            DSNS_DROPPED.inc()  # nobody is told that a DSN failed (RFC 5321 §4.5.5)
            self._context.log.warning("dsn_dropped", recipient=job.row.recipient_id, words=settlement.words)
        if settlement.event is not Event.DELIVER:
            self._context.log.info(
                settlement.event.value, recipient=job.row.recipient_id, site=job.site, source=job.source.address,
                code=settlement.code, words=settlement.words, next_attempt_at=settlement.due,
            )  # fmt: skip
        self._settler.take(Done(settlement, tried.attempt))

    def _goes_by_another(self, job: Job) -> bool:
        """Its hosts have IPv4 addresses alone, or IPv6: remembered, and whether a source of that kind is awake."""
        self._reach.out_of_reach(job.forward.ascii_domain, job.source.address, time.monotonic())
        return any(is_ipv6(one) != is_ipv6(job.source.address) for one in self._others(job))

    def _others(self, job: Job) -> list[str]:
        """Addresses of the row's pool that could try it now in the place of its own."""
        awake = self._pacing.awake(job.pool, job.site)
        return [source.address for source in awake if source.address != job.source.address]

    def returned(self, job: Job, words: str) -> None:
        self._warming.done(job.source.address, job.site, tried=False)
        self._settler.take(Done(returned(job.row, job.recipe, words)))
