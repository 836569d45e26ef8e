"""The clock's duty for breakers: judge running campaigns, their senders and projects; act; release by time.

Each trip is one transaction: the breaker's row and the campaigns it pauses. Crash case: what was not committed is
judged again. A breaker that was released by hand or by time starts counting with the next full hour, or the same
numbers would trip it at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter

from admin.office import Office
from policy.breaker import Thresholds, Tripped, Verdict, judge, worst
from role.log import EventLog
from store import breakers, campaigns
from store.campaigns import Campaign, CampaignState
from store.settings import Breaker

TRIPPED = Counter("mailloft_breakers_tripped_total", "Breakers that tripped, by scope and verdict", [
    "scope", "verdict",
])  # fmt: skip
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)  # in which a warning is not repeated
_NEVER: Final = (2.0, 2.0)  # no rate is over 1
PREFIX: Final = "breaker: "


def judge_all(office: Office, settings: Breaker, log: EventLog, now: datetime) -> None:
    """Every running campaign, its sender and its project."""
    with office.read() as connection:
        running = campaigns.in_states(connection, [CampaignState.RUNNING])
        known = {(one.scope, one.scope_id): one for one in breakers.tripped(connection)}
        found = [
            (scope, number, of, judged)
            for scope, number, of in _scopes(running)
            if (judged := _judged(connection, settings, scope, number, of[0], known.get((scope, number)), now))
        ]
    for scope, number, of, judged in found:
        tripped = _trip(office, settings, scope, number, of, judged, now)
        TRIPPED.labels(scope, tripped.verdict).inc()
        log.warning(
            "breaker", scope=scope, id=number, verdict=tripped.verdict, action=tripped.action, reason=tripped.reason
        )


def release_due(office: Office, log: EventLog, now: datetime) -> None:
    """Campaigns that a breaker paused for a time go on when it is over."""
    with office.read() as connection:
        over = [one for one in breakers.tripped(connection) if one.until is not None and one.until <= now]
        paused = campaigns.in_states(connection, [CampaignState.PAUSED]) if over else []
    for one in over:
        words = PREFIX + one.reason
        for campaign in _of(one.scope, one.scope_id, paused):
            if campaign.state_reason == words and office.write(_resuming(campaign, now)):
                log.info("breaker released", campaign=campaign.id, reason=one.reason)


def _resuming(campaign: Campaign, now: datetime) -> Any:
    return lambda tx: campaigns.resume(tx, campaign, now)


def _scopes(running: list[Campaign]) -> Iterator[tuple[str, int, list[Campaign]]]:
    for scope in breakers.SCOPES:
        for number in sorted({_number(scope, one) for one in running}):
            yield scope, number, _of(scope, number, running)


def _number(scope: str, campaign: Campaign) -> int:
    return {"campaign": campaign.id, "sender": campaign.sender_id, "project": campaign.project_id}[scope]


def _of(scope: str, number: int, among: list[Campaign]) -> list[Campaign]:
    return [one for one in among if _number(scope, one) == number]


def _judged(
    connection: Any,
    settings: Breaker,
    scope: str,
    number: int,
    one: Campaign,
    before: breakers.Tripped | None,
    now: datetime,
) -> Tripped | None:
    """What the numbers of both windows say, where that was not told already."""
    stopped = before is not None and before.verdict == Verdict.STOP.value
    since = _next_hour(before.tripped_at) if before is not None and stopped else now - settings.window
    young = scope != "project" and breakers.sender_age(connection, one.sender_id, now) < settings.young
    found = []
    for limits, window in ((rates(settings), settings.window), (counts(settings), settings.young_window)):
        numbers = breakers.numbers(connection, scope, number, max(now - window, since))
        if (judged := judge(numbers, limits, young=young)) is not None:
            found.append(judged)
    told = worst(found)
    if told is not None and told.verdict is Verdict.WARN and before is not None and now - before.tripped_at < _DAY:
        return None
    return told


def _next_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + _HOUR


def rates(settings: Breaker) -> Thresholds:
    """Those of the long window: a rate and a count."""
    return Thresholds(
        int(settings.window / _HOUR), settings.mails, settings.bounces, settings.bounce_warn, settings.bounce_stop,
        settings.complaints, settings.complaint_warn, settings.complaint_stop,
    )  # fmt: skip


def counts(settings: Breaker) -> Thresholds:
    """Those of the short window: the counts of a young sender."""
    return Thresholds(
        int(settings.young_window / _HOUR), settings.mails, 0, *_NEVER, 0, *_NEVER,
        (settings.young_bounces_warn, settings.young_bounces_stop),
        (settings.young_complaints_warn, settings.young_complaints_stop),
    )  # fmt: skip


def _trip(
    office: Office, settings: Breaker, scope: str, number: int, of: list[Campaign], judged: Tripped, now: datetime
) -> breakers.Tripped:
    action = settings.action if judged.verdict is Verdict.STOP else "notify"
    reason = f"{scope} {number}: {judged.words}"
    until = now + settings.release if settings.release and action != "notify" else None
    saved = breakers.Tripped(scope, number, judged.verdict.value, action, reason, now, until)

    def save(tx: Any) -> None:
        breakers.trip(tx, saved)
        if action == "pause":
            for one in of:
                campaigns.move(tx, one.id, CampaignState.PAUSED, PREFIX + reason)

    office.write(save)
    return saved
