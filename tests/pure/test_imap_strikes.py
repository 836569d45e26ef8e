"""A client that only errs is sent away: soon before the sign-in, late and only for what is no command afterwards."""

from __future__ import annotations

import pytest

from imap.answer import Condition
from imap.strikes import STRIKES, STRIKES_BEFORE, Strikes


@pytest.mark.parametrize("condition", [Condition.NO, Condition.BAD])
def test_before_the_sign_in_every_error_counts_and_none_is_forgiven(condition: Condition) -> None:
    strikes = Strikes()
    for _ in range(STRIKES_BEFORE - 1):
        assert not strikes.too_many(condition, signed_in=False)
        assert not strikes.too_many(Condition.OK, signed_in=False)
    assert strikes.too_many(condition, signed_in=False)


def test_afterwards_only_what_is_no_command_counts_and_a_good_one_forgives() -> None:
    strikes = Strikes()
    for _ in range(STRIKES):
        assert not strikes.too_many(Condition.NO, signed_in=True)
    for _ in range(STRIKES - 1):
        assert not strikes.too_many(Condition.BAD, signed_in=True)
    assert not strikes.too_many(Condition.OK, signed_in=True)
    for _ in range(STRIKES - 1):
        assert not strikes.too_many(Condition.BAD, signed_in=True)
    assert strikes.too_many(Condition.BAD, signed_in=True)
