"""When a deferred row is tried again.

Pure. Called by mta/outbound for every temporary answer; the plan of each class comes from `[outbound] retry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    first: timedelta
    longest: timedelta
    lifetime: timedelta


def next_attempt(attempts: int, queued_at: datetime, now: datetime, plan: Backoff, jitter: float) -> datetime | None:
    """When to try again (aware UTC), or None once the row would be older than plan.lifetime by then.

    attempts: finished attempts, >= 1. The pause is first * 2**(attempts-1), at most `longest`, then stretched by
    up to a quarter with `jitter` in 0..1, so that a thousand rows deferred together do not come back together.
    """
    pause = min(plan.first * 2 ** min(attempts - 1, 30), plan.longest)
    due = now + pause * (1 + 0.25 * jitter)
    return due if due - queued_at <= plan.lifetime else None
