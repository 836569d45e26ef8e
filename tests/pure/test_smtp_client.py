"""Octets to replies and commands from envelopes: however the octets are cut, and whatever a host makes up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.reply import Reply
from net.smtp_client import LINE_LIMIT, REPLY_LIMIT, ProtocolError, ReplyReader, Unfit, envelope, extensions
from peers.smuggling import ENDINGS, NAMES

SESSION = b"220 here\r\n250-a\r\n250-SIZE 10\r\n250 b\r\n354 go\r\n550-5.1.1 no\r\n550 5.1.1 body\r\n421\r\n"
CODES = [220, 250, 354, 550, 421]


def read(octets: bytes) -> list[Reply]:
    return ReplyReader().feed(octets)


@given(st.lists(st.integers(0, len(SESSION)), max_size=8))
def test_replies_are_the_same_however_the_octets_are_cut(cuts: list[int]) -> None:
    reader, found, start = ReplyReader(), [], 0
    for end in [*sorted(cuts), len(SESSION)]:
        found += reader.feed(SESSION[start:end])
        start = max(start, end)
    assert found == read(SESSION)
    assert [reply.code for reply in found] == CODES
    assert reader.idle


def test_the_lines_of_one_reply_are_one_text_and_its_enhanced_code_stands_apart() -> None:
    (reply,) = read(b"550-5.1.1 no such\r\n550 5.1.1 user\r\n")
    assert reply == Reply(550, "5.1.1", "no such\nuser")


def test_a_half_reply_is_not_idle() -> None:
    for half in (b"2", b"250", b"250-a\r\n", b"250 ok\r"):
        reader = ReplyReader()
        assert reader.feed(half) == []
        assert not reader.idle


def test_a_bare_lf_ends_a_line_of_a_host_too() -> None:
    assert [reply.code for reply in read(b"250-a\n250 b\n")] == [250]


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n", b"\r\n", b"25 ok\r\n", b"250ok\r\n", b"150 wait\r\n", b"600 what\r\n", b"999 x\r\n",
        b"250-a\r\n550 b\r\n", b"250-a\r\nb\r\n", "２５０ ok\r\n".encode(),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_an_error_that_quotes_it(octets: bytes) -> None:
    with pytest.raises(ProtocolError, match="reply"):
        read(octets)


def test_lines_and_replies_have_limits_that_hold_before_they_end() -> None:
    with pytest.raises(ProtocolError, match=str(LINE_LIMIT)):
        read(b"250 " + b"x" * LINE_LIMIT)
    with pytest.raises(ProtocolError, match=str(REPLY_LIMIT)):
        read((b"250-" + b"x" * 1000 + b"\r\n") * 100)
    assert len(read(b"250 " + b"x" * 1000 + b"\r\n")) == 1


def test_the_limit_is_one_reply_s_and_not_the_session_s() -> None:
    reader = ReplyReader()
    for _ in range(200):
        assert len(reader.feed(b"250 " + b"x" * 1000 + b"\r\n")) == 1


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_any_octets_are_replies_or_a_protocol_error(octets: bytes) -> None:
    try:
        for reply in read(octets):
            assert 200 <= reply.code < 600
    except ProtocolError:
        pass


def test_extensions_are_upper_cased_with_their_parameters_and_without_the_greeting() -> None:
    (reply,) = read(b"250-PIPELINING at your service\r\n250-size 1000\r\n250-8bitmime\r\n250 AUTH PLAIN LOGIN\r\n")
    assert extensions(reply) == {"SIZE": "1000", "8BITMIME": "", "AUTH": "PLAIN LOGIN"}


def test_an_envelope_uses_only_what_is_offered() -> None:
    eight, header = "Subject: x\r\n\r\nж\r\n".encode(), "Subject: ж\r\n\r\nx\r\n".encode()
    everything = {"SIZE": "", "8BITMIME": "", "SMTPUTF8": ""}
    assert envelope("a@b.test", "c@d.test", eight, {}) == [
        b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<c@d.test>\r\n",
    ]  # fmt: skip
    assert envelope("a@b.test", "c@d.test", eight, everything)[0] == b"MAIL FROM:<a@b.test> SIZE=18 BODY=8BITMIME\r\n"
    assert envelope("a@b.test", "c@d.test", header, everything)[0].endswith(b" BODY=8BITMIME SMTPUTF8\r\n")
    assert envelope("a@b.test", "c@d.test", b"x\r\n", everything)[0] == b"MAIL FROM:<a@b.test> SIZE=3\r\n"
    assert b" SMTPUTF8\r\n" in envelope("a@b.test", "ж@d.test", b"", everything)[0]


def test_an_address_beyond_ascii_is_unfit_for_a_host_without_smtputf8() -> None:
    with pytest.raises(Unfit) as raised:
        envelope("a@b.test", "ж@d.test", b"", {"SIZE": ""})
    assert (raised.value.reply.code, raised.value.reply.enhanced) == (550, "5.6.7")


@pytest.mark.parametrize("ending", ENDINGS, ids=NAMES)
def test_security_02_a_message_that_some_host_would_end_early_never_leaves(ending: bytes) -> None:
    with pytest.raises(Unfit) as raised:
        envelope("b@ours.test", "ann@remote.test", b"Subject: x\r\n\r\nfirst" + ending + b"MAIL FROM:<>\r\n", {})
    assert (raised.value.reply.code, raised.value.reply.enhanced) == (550, "5.6.0")
