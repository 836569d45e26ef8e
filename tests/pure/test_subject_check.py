"""K2: a subject that inboxes have seen is named, whatever space, case or letter differs; an added one frees it."""

from __future__ import annotations

import pytest

from policy.subject_check import seen_before

SEEN = ["Spring is here", "Weihnachten"]


@pytest.mark.parametrize("subject", ["Spring is here", "spring  IS here ", "Sprung is here", "Spirng is here"])
def test_a_subject_that_gmail_would_take_for_the_same_is_named(subject: str) -> None:
    assert seen_before(subject, SEEN) == "Spring is here"


@pytest.mark.parametrize("subject", ["Spring is here!", "Autumn is here", "Spring is hers now", "Sqrinh is here", ""])
def test_another_subject_is_free(subject: str) -> None:
    assert seen_before(subject, SEEN) is None
