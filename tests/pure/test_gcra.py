"""Rates as they are written, and held."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.gcra import Rate, admit, parse_rate


@pytest.mark.parametrize(
    ("text", "interval"), [("10/s", 0.1), ("600/min", 0.1), ("1/min", 60), ("3600/h", 1), ("0.5/s", 2), ("24/d", 3600)]
)
def test_rates_are_written_with_their_unit(text: str, interval: float) -> None:
    rate = parse_rate(text)
    assert rate.interval == pytest.approx(interval)
    assert str(rate) == text


@pytest.mark.parametrize("text", ["", "10", "10/", "10/week", "0/s", "-1/s", "nan/s", "inf/s", "ten/s", "1/s/s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write one as"):
        parse_rate(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=200),
    st.sampled_from([Rate(1, 60), Rate(10, 1), Rate(1, 1), Rate(0.5, 1), Rate(100, 60)]),
)
def test_no_window_has_more_than_its_rate_and_one_second_of_burst(pauses: list[float], rate: Rate) -> None:
    now, expected, sent = 100.0, 0.0, []
    for pause in pauses:
        now += pause
        before = expected
        expected, wait = admit(expected, now, rate)
        if wait == 0.0:
            sent.append(now)
        else:
            assert expected == before, "what does not go costs nothing"
    burst = max(1.0, 1 / rate.interval)
    for first, begun in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= (sent[last] - begun) / rate.interval + burst + 1e-6


@pytest.mark.parametrize("rate", [Rate(1, 60), Rate(10, 1), Rate(0.5, 1)])
def test_who_waits_as_long_as_told_goes(rate: Rate) -> None:
    now, expected, went = 5.0, 0.0, 0
    begun = now
    while went < 40:
        expected, wait = admit(expected, now, rate)
        if wait == 0.0:
            went += 1
        else:
            now += wait + 1e-9
    assert now - begun == pytest.approx((40 - max(1.0, 1 / rate.interval)) * rate.interval, abs=rate.interval)
