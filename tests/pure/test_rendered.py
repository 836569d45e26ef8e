"""mail/rendered: what is known of a message's pieces beforehand is what its octets say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from mail.address import parse_mailbox
from mail.attachment import Attachment
from mail.crlf import dot_stuff, has_bare_newline
from mail.dkim_body import blanks_as_one, linear_relaxed_body
from mail.dkim_sign import Signer, generate_keys
from mail.header import fold
from mail.message import Compiled, Facts, compile_message
from mail.rendered import Body, Rendered, body_of, header_field
from mta.outbound.made_mail import HELD, content_of
from net.smtp_content import Large, Ready, blocks_of, octets_of, stuffed_blocks_of, stuffed_of, traits_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FACTS = Facts(parse_mailbox("ann@example.com"), "<1@sample.test>", NOW, {}, unsubscribe_url="https://m.test/u/abc")
SIGNER = Signer("sample.test", generate_keys("r", "e"))
PIECE = st.text(st.sampled_from(" \t.aé%="), max_size=90)
PAGE = st.lists(st.one_of(PIECE, st.just("{{ name }}"), st.just("\n")), min_size=1, max_size=12).map("".join)
HOSTILE = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA1)), "\u2028", "\u2029", "\ud800", "\udfff", "\ufeff"]
VALUE = st.text(st.one_of(st.sampled_from(["\r", "\n", ".", " ", "=", "é", *HOSTILE]), st.characters()), max_size=200)
HEADER = (header_field(b"From: a@b.test\r\n"),)


def made_of(html: str, text: str, subject: str = "S") -> Compiled:
    return compile_message(
        from_address=parse_mailbox("news@sample.test"), from_name="N", subject=subject, html=html, text=text, seed="s"
    )


def assert_harmless(body: Body) -> None:
    """What with_encoded does not look for is not there."""
    assert not body.smuggles
    for octets, relaxed, stuffed in zip(body.octets, body.relaxed, body.stuffed, strict=True):
        assert octets.endswith(b"\r\n")
        assert octets.isascii()
        assert b"\0" not in octets
        assert not has_bare_newline(octets)
        assert relaxed == blanks_as_one(octets)
        assert stuffed == dot_stuff(octets)


@given(PAGE, PAGE, VALUE, st.text(st.sampled_from(" \taé"), max_size=60), st.sampled_from([None, "1:2:mailloft"]))
@example(".\n..\n {{ name }} \n", ".{{ name }}\n\n\n", ".", "  a", None)
@example("<p>x</p>", "\n\n", " ", "\t", None)
@example("<p>x</p>", "{{ name }}", "\r", "", "1:2:mailloft")
@example("<p>{{ name }}</p>", "{{ name }}\r\n{{ name }}", "a\r\n\0.\r\n", "Ünï cödé" * 9, "1:2:mailloft")
def test_pieces_say_what_the_octets_say(html: str, text: str, value: str, name: str, feedback_id: str | None) -> None:
    made = made_of(html, text, "{{ name }}  of {{ name }}") if (html + text).strip() else made_of("", "{{ name }}")
    to = parse_mailbox("ünï@example.com" if "é" in name else "ann@example.com")
    message = made.render(replace(FACTS, to=to, variables={"name": value}, to_name=name, feedback_id=feedback_id))
    assert_harmless(message.body)
    header, _, body = message.octets.partition(b"\r\n\r\n")
    assert message.header == header + b"\r\n\r\n"
    assert b"".join(message.body.canonical()) == linear_relaxed_body(body)
    assert SIGNER.sign_rendered(message, NOW) == SIGNER.sign(message.octets, NOW)
    content = content_of(b"DKIM-Signature: x\r\n", message)
    assert isinstance(content, Ready)
    assert content.traits == traits_of(content.octets)
    assert octets_of(content) == b"DKIM-Signature: x\r\n" + message.octets
    assert stuffed_of(content) == dot_stuff(content.octets)


@pytest.mark.parametrize(
    "form", ["{}", ".{}.", "a\r{}\nb", "{}\r\n.\r\n", "\n.{}\n", "x" * 75 + "{}." + "y" * 99, "= {} "]
)
def test_security_02_whatever_a_value_holds_its_lines_need_no_second_look(form: str) -> None:
    made = made_of("<p>.{{ name }}</p>\n.{{ name }}{{ name }}", ".{{ name }}.\n{{ name }}\n" + "z" * 300 + "{{ name }}")
    for evil in HOSTILE:
        assert_harmless(made.render(replace(FACTS, variables={"name": form.format(evil)})).body)


@given(st.lists(st.lists(st.sampled_from([b" ", b"\t", b".", b"a", b"\xc3", b"\r\n"])).map(b"".join)))
@example([b"a", b"", b" "])
@example([b"", b""])
@example([b"a\r\n\r\n", b"\r\n", b" "])
def test_any_pieces_of_whole_lines_are_canonical_together(parts: list[bytes]) -> None:
    message = Rendered(HEADER, body_of([part + b"\r\n" for part in parts]))
    body = b"".join(part + b"\r\n" for part in parts)
    assert b"".join(message.body.canonical()) == linear_relaxed_body(body)
    content = content_of(b"", message)
    assert content.traits == traits_of(message.octets)
    assert b"".join(stuffed_blocks_of(content)) == dot_stuff(message.octets)


@pytest.mark.parametrize("octets", [b"", b"no end", b"an end\r\nand more", b"lone\n", b"lone\r"])
def test_a_piece_without_its_last_line_end_is_no_piece(octets: bytes) -> None:
    with pytest.raises(ValueError, match="no end"):
        body_of([octets])


BARE = [b"a\rb\r\n", b"a\nb\r\n", b"a\r\n\0.\r\n", b"\n\r\n"]


@pytest.mark.parametrize("bare", BARE)
def test_what_could_be_taken_for_an_end_is_seen_in_a_piece(bare: bytes) -> None:
    clean = b"clean\r\n"
    assert traits_of(content_of(b"", Rendered(HEADER, body_of([clean, bare, clean])))).smuggles
    assert not traits_of(content_of(b"", Rendered(HEADER, body_of([clean, clean])))).smuggles


@pytest.mark.parametrize(
    "octets",
    [
        *(b"A: " + bare for bare in BARE),
        *(
            b"",
            b"A\r\n",
            b"A: b",
            b"A: b\n",
            b"A: b\r",
            b"A: b\n\r",
            b"A: b\r\n\r\n",
            b"A: b\r\nB: c\r\n",
            b"A: b\0\r\n",
            b"A\r\n.\r\n:b\r\n",
        ),
    ],
)
def test_security_10_what_is_not_one_field_stands_in_no_header(octets: bytes) -> None:
    with pytest.raises(ValueError, match="is not one header field"):
        header_field(octets)


@given(st.text(st.sampled_from(" \tab:é"), max_size=300))
def test_a_fields_canonical_form_is_known_of_its_octets(value: str) -> None:
    try:
        octets = fold("List-Unsubscribe", value)
    except ValueError:
        return
    found = header_field(octets)
    assert (found.name, found.octets) == (b"list-unsubscribe", octets)
    assert found.relaxed == b"%s:%s" % Relaxed.canonicalize_headers([tuple(octets.split(b":", 1))])[0]


def test_the_files_of_a_large_message_are_in_memory_once_for_all_its_clients() -> None:
    made = compile_message(
        from_address=parse_mailbox("news@sample.test"), from_name="N", subject="S", text=".\n.{{ name }}",
        seed="s", attachments=[Attachment("a.pdf", "application/pdf", bytes(range(256)) * (HELD // 256))],
    )  # fmt: skip
    messages = [made.render(replace(FACTS, variables={"name": name})) for name in ("Ann", "Bob")]
    large = [max(message.body.octets, key=len) for message in messages]
    assert large[0] is large[1]
    for message in messages:
        content = content_of(SIGNER.sign_rendered(message, NOW), message)
        assert isinstance(content, Large)
        octets = b"".join(blocks_of(content))
        assert octets.endswith(message.octets)
        assert content.traits == traits_of(octets)
        assert b"".join(stuffed_blocks_of(content)) == dot_stuff(octets)
