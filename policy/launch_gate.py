"""The gate before a campaign (PRODUCT K5): every reason why it may not be launched, each with its numbers.

Pure. Asked by admin/acts/campaigns.py at launch and by admin/campaign_duties.py when a scheduled one falls due.
`IMPORTING` alone is no refusal of a scheduled one: it waits for the end of the import (L2).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policy.rating import GATE_MINIMUM
from policy.sender_standing import Failing, SenderFacts, obstacles

IMPORTING: Final = "import_running"
_UNSHOWN: Final = re.compile(r"<!--.*?-->|<(style|script|head|title)\b.*?</\1\s*>|<(?!img\b)[^>]*>", re.DOTALL | re.I)


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """`ratings`: how many of all selected recipients have each rating, blocked ones included."""

    campaigns_allowed: bool
    has_body: bool
    sender: SenderFacts
    ratings: Mapping[int, int]
    imports_running: int


def failing(facts: LaunchFacts) -> list[Failing]:
    """All that fails, [] where the campaign may go."""
    return [
        *_plan(facts),
        *_body(facts),
        *obstacles(facts.sender),
        *_recipients(facts),
        *_import(facts),
    ]


def average(ratings: Mapping[int, int]) -> float | None:
    """Of all recipients; None where there are none."""
    total = sum(ratings.values())
    return sum(rating * count for rating, count in ratings.items()) / total if total else None


def has_body(page: str, text: str | None) -> bool:
    """Whether a reader would see anything: words or an image, not only markup."""
    shown = html.unescape(_UNSHOWN.sub(" ", page)).replace("\u00a0", " ").replace("\u200b", " ")
    return bool(shown.strip() or (text or "").strip())


def _plan(facts: LaunchFacts) -> list[Failing]:
    if facts.campaigns_allowed:
        return []
    return [Failing("plan", "the project's plan allows no campaigns; choose one that does")]


def _body(facts: LaunchFacts) -> list[Failing]:
    return [] if facts.has_body else [Failing("body_empty", "the message has no body; write one")]


def _recipients(facts: LaunchFacts) -> list[Failing]:
    mean = average(facts.ratings)
    if mean is None:
        return [Failing("no_recipients", "the list is empty: nobody would get this campaign")]
    if mean >= GATE_MINIMUM:
        return []
    blocked = facts.ratings.get(1, 0)
    words = (
        # Never rounded up to the minimum that it misses.
        f"the average rating of the {sum(facts.ratings.values())} recipients is {int(mean * 100) / 100:.2f}, "
        f"below {GATE_MINIMUM}; {blocked} of them are blocked (rating 1). Take the lowest rated out of the list."
    )
    distribution = {str(rating): count for rating, count in sorted(facts.ratings.items())}
    return [
        Failing(
            "rating", words,
            {"average": mean, "minimum": GATE_MINIMUM, "recipients": sum(facts.ratings.values()), "blocked": blocked,
             "distribution": distribution},
        ),
    ]  # fmt: skip


def _import(facts: LaunchFacts) -> list[Failing]:
    if not facts.imports_running:
        return []
    words = f"{facts.imports_running} import(s) of this project are loading; launch when they are finished"
    return [Failing(IMPORTING, words, {"imports": facts.imports_running})]
