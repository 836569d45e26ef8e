"""When mail of a campaign, a sender or a project does so much harm that it is slowed, stopped or told of.

Pure. Judged by the clock on hourly counters (store/breakers.py). A rate and a count must both be reached, since one
bounce of two mails is no rate; of a young sender the count alone is enough, because rates lag. Judged for all
providers together and for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one window: mails with an end, hard bounces, complaints."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(self.sent + other.sent, self.bounced + other.bounced, self.complained + other.complained)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Rates are shares of 1. `young_*`: absolute counts for a sender that is new, 0 for none."""

    hours: int
    sent: int
    bounces: int
    bounce_warn: float
    bounce_stop: float
    complaints: int
    complaint_warn: float
    complaint_stop: float
    young_bounces: tuple[int, int] = (0, 0)
    young_complaints: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Tripped:
    """`words` name rate, numbers, window and provider."""

    verdict: Verdict
    provider: str
    words: str


def judge(by_provider: Mapping[str, Numbers], limits: Thresholds, *, young: bool) -> Tripped | None:
    """The worst that these numbers of one window say, or None."""
    total = Numbers()
    for numbers in by_provider.values():
        total += numbers
    found = _judged("", total, limits, young)
    for provider, numbers in sorted(by_provider.items()):
        found += _judged(provider, numbers, limits, young)
    return worst(found)


def worst(found: Sequence[Tripped]) -> Tripped | None:
    return min(found, key=lambda one: one.verdict is not Verdict.STOP, default=None)


def _judged(provider: str, numbers: Numbers, limits: Thresholds, young: bool) -> list[Tripped]:
    measures = (
        ("hard bounces", numbers.bounced, limits.bounces, limits.bounce_warn, limits.bounce_stop, limits.young_bounces),
        ("complaints", numbers.complained, limits.complaints, limits.complaint_warn, limits.complaint_stop,
         limits.young_complaints),
    )  # fmt: skip
    found: list[Tripped] = []
    for what, count, least, warn, stop, ceiling in measures:
        rate = count / numbers.sent if numbers.sent else 0.0
        verdict = None
        if numbers.sent >= limits.sent and count >= least:
            verdict = Verdict.STOP if rate >= stop else Verdict.WARN if rate >= warn else None
        if verdict is not Verdict.STOP and young:
            verdict = _over(count, ceiling) or verdict
        if verdict is not None:
            at = f" at {provider}" if provider else ""
            words = f"{what}{at}: {count} of {numbers.sent} in {limits.hours} h ({rate:.2%})"
            found.append(Tripped(verdict, provider, words))
    return found


def _over(count: int, ceiling: tuple[int, int]) -> Verdict | None:
    warn, stop = ceiling
    if stop and count >= stop:
        return Verdict.STOP
    return Verdict.WARN if warn and count >= warn else None
