"""Whom a DMARC record asks to be reported to (RFC 7489 §6.2), and how large a report may be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.report_target import MOST, targets


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("mailto:a@b.test", ("a@b.test", None)),
        (" MAILTO:a@b.test ", ("a@b.test", None)),
        ("mailto:a@b.test!10m", ("a@b.test", 10 * 1024 * 1024)),
        ("mailto:a@b.test!50", ("a@b.test", 50)),
        ("mailto:a@b.test!2K", ("a@b.test", 2048)),
        ("mailto:a%21b@b.test", ("a!b@b.test", None)),
        ("mailto:a@b.test?subject=x!5g", ("a@b.test", 5 << 30)),
    ],
)
def test_a_target_is_an_address_and_a_size(uri: str, told: tuple[str, int | None]) -> None:
    (found,) = targets([uri])
    assert (str(found.address), found.limit) == told


@pytest.mark.parametrize(
    "uri", ["https://b.test/x", "mailto:", "mailto:a", "mailto:a@b.test!m", "mailto:a%0d%0ab@c.test", "a@b.test"]
)
def test_what_is_no_target_is_left_out(uri: str) -> None:
    assert targets([uri]) == ()


def test_an_address_counts_once_and_targets_have_an_end() -> None:
    assert len(targets(["mailto:a@b.test", "mailto:A@B.test!5"])) == 1
    assert len(targets([f"mailto:a{n}@b.test" for n in range(50)])) == MOST


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_targets_or_none(text: str) -> None:
    for one in targets([text, f"mailto:{text}"]):
        assert "\n" not in str(one.address)
