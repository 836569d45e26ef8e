"""When an address of ours is ill: hosts refuse it for what it is, whoever the recipient.

Pure. Such an answer is never held against a client (PRODUCT R5): the address rests at that site, everywhere once
several sites say so, and the row may be tried once from another address of its pool.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mail.outcome import Reason

OURS: Final = frozenset({Reason.BLOCKED, Reason.BADREPUTATION, Reason.REQUIREPTR})
MOST_ATTEMPTS: Final = 5  # a row that has had so many is not tried elsewhere beside its plan


def may_try_elsewhere(reason: Reason, last: Reason | None, attempts: int, others: Collection[str]) -> bool:
    """Whether a refusal is passed on to one of `others`; `last`: the reason of the row's attempt before."""
    return reason in OURS and last not in OURS and attempts < MOST_ATTEMPTS and bool(others)
