"""mail/rendered: what is known of a message's pieces beforehand is what its octets say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mail.address import parse_mailbox
from mail.attachment import Attachment
from mail.crlf import dot_stuff
from mail.dkim_body import linear_relaxed_body
from mail.dkim_sign import Signer, generate_keys
from mail.message import Facts, compile_message
from mail.rendered import Rendered, lines
from mta.outbound.made_mail import HELD, content_of
from net.smtp_content import Large, Ready, blocks_of, octets_of, stuffed_blocks_of, stuffed_of, traits_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FACTS = Facts(parse_mailbox("ann@example.com"), "<1@sample.test>", NOW, {}, unsubscribe_url="https://m.test/u/abc")
SIGNER = Signer("sample.test", generate_keys("r", "e"))
PIECE = st.text(st.sampled_from(" \t.\0aé\x1f"), max_size=90)
PAGE = st.lists(st.one_of(PIECE, st.just("{{ name }}"), st.just("\n")), max_size=12).map("".join)


@given(PAGE, PAGE, PIECE)
@example(".\n..\n {{ name }} \n", ".{{ name }}\n\n\n", ".")
@example("<p>x</p>", "\n\n", " ")
def test_pieces_say_what_the_octets_say(html: str, text: str, value: str) -> None:
    try:
        made = compile_message(
            from_address=parse_mailbox("news@sample.test"), from_name="N", subject="S", html=html, text=text, seed="s"
        )
    except ValueError:
        return
    message = made.render(replace(FACTS, variables={"name": value}))
    header, _, body = message.octets.partition(b"\r\n\r\n")
    assert message.header == header + b"\r\n\r\n"
    assert b"".join(message.relaxed()) == linear_relaxed_body(body)
    assert SIGNER.sign_rendered(message, NOW) == SIGNER.sign(message.octets, NOW)
    content = content_of(b"DKIM-Signature: x\r\n", message)
    assert isinstance(content, Ready)
    assert content.traits == traits_of(content.octets)
    assert octets_of(content) == b"DKIM-Signature: x\r\n" + message.octets
    assert stuffed_of(content) == dot_stuff(content.octets)


@given(st.lists(st.lists(st.sampled_from([b" ", b"\t", b".", b"a", b"\xc3", b"\r\n"])).map(b"".join)))
@example([b"a", b"", b" "])
@example([b"", b""])
def test_any_pieces_of_whole_lines_are_canonical_together(parts: list[bytes]) -> None:
    message = Rendered(b"From: a@b.test\r\n\r\n", tuple(lines(part + b"\r\n") for part in parts))
    body = b"".join(part + b"\r\n" for part in parts)
    assert b"".join(message.relaxed()) == linear_relaxed_body(body)
    assert message.stuffed == dot_stuff(message.octets)
    content = content_of(b"", message)
    assert content.traits == traits_of(message.octets)
    assert b"".join(stuffed_blocks_of(content)) == dot_stuff(message.octets)


@pytest.mark.parametrize("octets", [b"", b"no end", b"an end\r\nand more", b"lone\n", b"lone\r"])
def test_a_piece_without_its_last_line_end_is_no_piece(octets: bytes) -> None:
    with pytest.raises(ValueError, match="no end"):
        lines(octets)


@pytest.mark.parametrize("bare", [b"a\rb\r\n", b"a\nb\r\n", b"a\r\n\0.\r\n", b"\n\r\n"])
def test_what_could_be_taken_for_an_end_is_seen_in_a_piece_and_in_the_header(bare: bytes) -> None:
    clean = lines(b"clean\r\n")
    assert traits_of(content_of(b"", Rendered(b"A: b\r\n\r\n", (clean, lines(bare), clean)))).smuggles
    assert traits_of(content_of(b"", Rendered(b"A: " + bare + b"\r\n", (clean,)))).smuggles
    assert not traits_of(content_of(b"", Rendered(b"A: b\r\n\r\n", (clean, clean)))).smuggles


def test_the_files_of_a_large_message_are_in_memory_once_for_all_its_clients() -> None:
    made = compile_message(
        from_address=parse_mailbox("news@sample.test"), from_name="N", subject="S", text=".\n.{{ name }}",
        seed="s", attachments=[Attachment("a.pdf", "application/pdf", bytes(range(256)) * (HELD // 256))],
    )  # fmt: skip
    messages = [made.render(replace(FACTS, variables={"name": name})) for name in ("Ann", "Bob")]
    large = [max((one.octets for one in message.body), key=len) for message in messages]
    assert large[0] is large[1]
    for message in messages:
        content = content_of(SIGNER.sign_rendered(message, NOW), message)
        assert isinstance(content, Large)
        octets = b"".join(blocks_of(content))
        assert octets.endswith(message.octets)
        assert content.traits == traits_of(octets)
        assert b"".join(stuffed_blocks_of(content)) == dot_stuff(octets)
