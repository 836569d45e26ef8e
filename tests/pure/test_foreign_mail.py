"""Bounces, receipts, automatic and human answers as many systems and languages have them, written before the rules.

The first 179 were written without a look at the rules, as mail that nobody here has seen: 94 of 102 bounces and 72 of
77 others were right at once, then 12 of 13 more (bounces_more). What was wrong was mended as a rule, never for the
sample.
"""

from __future__ import annotations

import pytest

from peers.foreign_mail import SAMPLES, Foreign, samples
from policy.classification import classify_mail

ALL = [one for file in sorted(SAMPLES.glob("*.txt")) for one in samples(file.stem)]


@pytest.mark.parametrize("sample", ALL, ids=lambda one: one.name)
def test_it_is_what_it_is_and_tells_whom_and_why(sample: Foreign) -> None:
    found = classify_mail(sample.raw)
    assert found.kind is sample.kind
    assert [(one.recipient, one.effect.value) for one in found.recipients] == [
        (told.recipient, told.effect) for told in sample.told
    ]
    for one, told in zip(found.recipients, sample.told, strict=True):
        assert not told.reasons or one.reason.value in told.reasons, one
