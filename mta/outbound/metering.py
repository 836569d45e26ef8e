"""What the sender counts of each attempt: who was asked, what was answered, how long mail took.

Called by mta/outbound/daemon.py on its loop. A site is counted by its provider, or as "other", so that no list of
strangers' domains becomes labels.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Final

from prometheus_client import Counter, Histogram

from mta.outbound.tried import Tried
from policy.lifecycle import Event
from store.ledger import Settlement

OTHER: Final = "other"
# reply: 2xx, 4xx, 5xx or lost
ATTEMPTS: Final = Counter(
    "mailloft_attempts_total", "Transactions with remote hosts, by source, provider and class of reply",
    ["source", "provider", "reply"],
)  # fmt: skip
ATTEMPT: Final = Histogram(
    "mailloft_attempt_seconds", "Time of an attempt, its connection and the answer to the final dot included",
    ["provider"], buckets=(0.05, 0.2, 0.5, 1, 2, 5, 15, 60, 300),
)  # fmt: skip
DELIVERY: Final = Histogram(
    "mailloft_delivery_seconds", "From queued to the 250 of the remote host, by class of mail",
    ["class"], buckets=(1, 5, 15, 60, 300, 900, 3600, 14400, 86400, 345600),
)  # fmt: skip
# event: fail, expire, defer
REFUSALS: Final = Counter(
    "mailloft_refusals_total", "Attempts that did not deliver, by provider, what became of the row, and reason",
    ["provider", "event", "reason"],
)  # fmt: skip
# The children are few, and asking the library for one costs as much as counting it.
_attempts = cache(ATTEMPTS.labels)
_attempt = cache(ATTEMPT.labels)
_delivery = cache(DELIVERY.labels)


def count(tried: Tried, settlement: Settlement, providers: Collection[str], now: datetime) -> None:
    """`providers`: those of the table."""
    job, heard = tried.job, tried.heard
    provider = settlement.provider if settlement.provider in providers else OTHER
    _attempts(job.source.address, provider, f"{heard.reply.code // 100}xx" if heard.reply else "lost").inc()
    _attempt(provider).observe(tried.attempt.milliseconds / 1000)
    if settlement.event is Event.DELIVER:
        _delivery(job.retry).observe((now - job.row.queued_at).total_seconds())
    else:
        reason = settlement.reason.value if settlement.reason else "none"
        REFUSALS.labels(provider, settlement.event.value, reason).inc()
