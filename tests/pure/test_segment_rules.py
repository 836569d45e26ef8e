"""A segment's rule is read as it was written, and what is wrong in it is named (PRODUCT L5)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from policy.segment import Ask, Condition, Rule, plain, rule_of

WHOLE: dict[str, Any] = {
    "lists": [1, 2], "without": [3], "rating_from": 6, "rating_to": 9, "registered_from": "2026-01-31",
    "registered_to": "2026-02-01", "any_of": True,
    "variables": [{"variable": "city", "test": "is", "value": "Riga"}, {"variable": "age", "test": "missing"}],
}  # fmt: skip


def test_a_rule_comes_back_as_it_was_written() -> None:
    rule = rule_of(WHOLE)
    asked = (Condition("city", Ask.IS, "Riga"), Condition("age", Ask.MISSING))
    assert rule == Rule((1, 2), (3,), 6, 9, date(2026, 1, 31), date(2026, 2, 1), True, asked)
    assert rule_of(plain(rule)) == rule
    assert rule_of({}) == Rule()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"rating_from": 0}, "rating: from 0"),
        ({"rating_from": 7, "rating_to": 6}, "rating: from 7 to 6"),
        ({"rating_to": 11}, "rating: "),
        ({"registered_from": "2026-02-02", "registered_to": "2026-02-01"}, "registered: it ends before"),
        ({"registered_from": "1900-01-01"}, "registered: not before 1970"),
        ({"registered_from": "yesterday"}, "rule: "),
        ({"colour": "blue"}, "rule: .*colour"),
        ({"lists": list(range(21))}, "lists: at most 20"),
        ({"variables": [{"variable": "a", "test": "like", "value": "x"}]}, "rule: .*like"),
        ({"variables": [{"variable": "", "test": "is", "value": "x"}]}, "variables: variable name"),
        ({"variables": [{"variable": 'a"b', "test": "is", "value": "x"}]}, "variables: a variable with"),
        ({"variables": [{"variable": "a", "test": "at_least", "value": "ten"}]}, "variables: .*ten"),
        ({"variables": [{"variable": "a", "test": "at_least", "value": "nan"}]}, "variables: .*no number"),
        ({"variables": [{"variable": "a", "test": "since", "value": "31.12.2026"}]}, "variables: "),
        ({"variables": [{"variable": "a", "test": "contains"}]}, "variables: what is 'a' to contain"),
    ],
)
def test_what_is_wrong_is_named(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}"):
        rule_of(raw)
