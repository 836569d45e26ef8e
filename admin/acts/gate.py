"""What keeps a campaign or a sender from sending, as a refusal: words for people, names and numbers for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from admin.refusals import ConflictError
from policy.sender_standing import Failing


def refuse(failing: Sequence[Failing]) -> None:
    """Raises ConflictError with all of them."""
    if failing:
        raise ConflictError(words_of(failing), {"reasons": reasons_of(failing)})


def words_of(failing: Sequence[Failing]) -> str:
    return "; ".join(one.detail for one in failing)


def reasons_of(failing: Sequence[Failing]) -> list[dict[str, Any]]:
    return [{"name": one.name, "detail": one.detail, **one.numbers} for one in failing]
