"""What a new address may send on each day."""

from __future__ import annotations

from datetime import date

import pytest

from policy.warmup import allowance, row_of
from store.shaping_table import read_table

PLAN = {"big": (10, 20, 40), "default": (5, 6)}
BEGUN = date(2026, 1, 30)


@pytest.mark.parametrize(
    ("provider", "today", "volume"),
    [
        ("big", date(2026, 1, 30), 10), ("big", date(2026, 2, 1), 40), ("big", date(2026, 2, 2), None),
        ("small", date(2026, 1, 31), 6), ("small", date(2026, 2, 1), None), ("big", date(2026, 1, 29), 0),
    ],
)  # fmt: skip
def test_each_day_has_its_volume_and_behind_the_last_there_is_no_limit(
    provider: str, today: date, volume: int | None
) -> None:
    assert allowance(PLAN, provider, BEGUN, today) == volume


def test_a_warm_address_has_no_limit() -> None:
    assert allowance(PLAN, "big", None, BEGUN) is None


def test_small_providers_share_one_row() -> None:
    assert [row_of(PLAN, name) for name in ("big", "small", "other")] == ["big", "default", "default"]


def test_the_shipped_plan_only_ever_rises_and_names_known_providers() -> None:
    shipped = read_table("")
    for plan in shipped.warmup.values():
        assert plan.keys() <= {"default", *shipped.provider}
        assert all(list(volumes) == sorted(volumes) for volumes in plan.values())
