"""The content of a message behind DATA: one end and no other, however the octets are cut into blocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.crlf import dot_stuff, has_bare_newline
from mta.smtp_data import DataStream

LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"word", b"x" * 1200, b" .", b"\0"]), max_size=12)
HOSTILE = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a", b"\0", b"\r\n.\r\n"]), max_size=14).map(b"".join)


def fed(octets: bytes, cuts: list[int], limit: int = 1 << 20) -> tuple[DataStream, bytes]:
    """Feed in blocks that end at `cuts`; what stood behind the end, with the blocks that were not fed any more."""
    stream = DataStream(limit)
    places = sorted({min(cut, len(octets)) for cut in cuts} | {0, len(octets)})
    blocks = [octets[start:end] for start, end in zip(places, places[1:], strict=False)]
    for number, block in enumerate(blocks):
        behind = stream.feed(block)
        if stream.ended:
            return stream, behind + b"".join(blocks[number + 1 :])
    return stream, b""


@settings(max_examples=150, deadline=None)
@given(LINES, st.lists(st.integers(0, 3000), max_size=6))
def test_what_was_stuffed_comes_back_and_the_rest_is_left(lines: list[bytes], cuts: list[int]) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    stream, behind = fed(dot_stuff(message) + b".\r\nQUIT\r\n", cuts)
    assert stream.ended
    assert behind == b"QUIT\r\n"
    assert stream.content() == message
    assert stream.forged == (b"\r\n\0.\r\n" in message)


@settings(max_examples=300, deadline=None)
@given(HOSTILE, st.lists(st.integers(0, 40), max_size=5))
def test_blocks_change_nothing_of_the_judgement(octets: bytes, cuts: list[int]) -> None:
    whole, behind_whole = fed(octets, [])
    cut, behind_cut = fed(octets, cuts)
    assert (whole.ended, whole.forged, whole.size) == (cut.ended, cut.forged, cut.size)
    assert behind_whole == behind_cut
    if whole.ended and not whole.forged:
        assert whole.content() == cut.content()
        assert not has_bare_newline(whole.content())


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_a_bare_line_end_before_the_end_is_never_taken(octets: bytes) -> None:
    stream, _ = fed(b"x\r\n" + octets + b"\r\n.\r\n", [])
    before_end = (b"x\r\n" + octets + b"\r\n.\r\n").split(b"\r\n.\r\n", 1)[0] + b"\r\n"
    if has_bare_newline(before_end):
        assert stream.forged


@pytest.mark.parametrize("length", [10, 11])
def test_the_limit_is_of_octets_and_nothing_is_kept_beyond_it(length: int) -> None:
    stream, _ = fed(b"x" * (length - 2) + b"\r\n.\r\n", [3, 5], limit=10)
    assert stream.ended
    assert stream.too_large == (length > 10)
