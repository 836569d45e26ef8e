"""What the MX takes out of a message's header and puts on top of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.header import Headers
from mta.inbound.headers import hops, trace, without_forged

OURS = "mx.ours.test"
FORGED = [
    b"Authentication-Results: mx.ours.test; dkim=pass\r\n",
    b"authentication-results:MX.OURS.TEST;\r\n\tdkim=pass\r\n",
    b"Authentication-Results :  (by (me\r\n here)) mx.ours.test 1; none\r\n",
    b'Authentication-Results: "mx.ours.test"; none\r\n',
    b"Authentication-Results:\r\n mx.ours.test; none\r\n",
    b'Authentication-Results: "mx.ours.te\\st"; none\r\n',
    b"Authentication-Results: mx.ours.test.; none\r\n",
    b"Authentication-Results: (" + b"x" * 3000 + b") mx.ours.test; none\r\n",
    b"Authentication-Results: (a \\) (b) c)\r\n\tmx.ours.test(d)/1; none\r\n",
    b"Authentication-Results: (mx.ours.test; dkim=pass\r\n",
    b"Return-Path: <x@y.test>\r\n",
    b"X-Spam-Status: No, score=-9\r\n",
]
HONEST = [
    b"From: a@b.test\r\n",
    b"Authentication-Results: mx.other.test; dkim=pass (mx.ours.test)\r\n",
    b"X-Authentication-Results: mx.ours.test; dkim=pass\r\n",
    b"Subject: Return-Path: mine\r\n",
    b"ARC-Authentication-Results: i=1; mx.ours.test; none\r\n",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FORGED + HONEST), max_size=8), st.binary(max_size=40))
def test_only_what_claims_to_be_ours_goes_and_the_body_stays(fields: list[bytes], body: bytes) -> None:
    kept = without_forged(b"".join(fields) + b"\r\n" + body + FORGED[0], OURS)
    assert kept == b"".join(field for field in fields if field in HONEST) + b"\r\n" + body + FORGED[0]


def test_a_forged_line_behind_a_long_header_goes_too() -> None:
    padding = b"X-Padding: " + b"x" * 70 + b"\r\n"
    kept = without_forged(padding * 5000 + FORGED[0] + b"\r\nbody", OURS)
    assert kept == padding * 5000 + b"\r\nbody"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_octets_pass_through(content: bytes) -> None:
    assert len(without_forged(content, OURS)) <= len(content)
    assert hops(Headers.of(content)) >= 0


@pytest.mark.parametrize("helo", ["x\r\nFrom: eve@x.test", "x) by evil", "x\u2028", "[127.0.0.1]", "y" * 1000])
def test_a_helo_cannot_leave_its_place(helo: str) -> None:
    above = trace("a@b.test", b"", "::1", helo, "ESMTP", OURS, "1", datetime(2026, 1, 2, tzinfo=UTC))
    assert list(Headers.of(above + b"\r\n").fields) == [b"return-path", b"received"]
    assert b"([IPv6:::1])" in above
    assert len(above.split(b"\r\n")) == 5
