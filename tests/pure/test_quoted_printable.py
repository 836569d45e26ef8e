"""mail/quoted_printable: what is encoded beforehand and what is encoded with a value are the lines of one encoding."""

from __future__ import annotations

import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from mail.quoted_printable import Chunk, compile_lines, encoded, join
from mail.template import compile_template, in_html, in_text

SHORT = st.text(st.sampled_from(" \t.=aé%"), max_size=15)
LINE = st.lists(st.one_of(SHORT, st.just("{{ name }}")), max_size=3).map("".join)
LONG = st.sampled_from(["w" * 200, "ж" * 99, "word " * 40, "{{ name }}", "", ".", " "])
VALUE = st.text(st.sampled_from(" \t.=aé%\r\n"), max_size=99)


def octets_of(chunks: list[Chunk], name: str) -> bytes:
    return b"".join([one if isinstance(one, bytes) else one.render({"name": name}) for one in chunks])


@given(st.lists(LINE, min_size=1), VALUE)
@example(["{{ name }}", ".", "{{ name }} ", "", "{{ name }}"], ".\r\n")
def test_lines_are_encoded_as_the_whole_text_is(lines: list[str], name: str) -> None:
    template = compile_template("\n".join([*lines, ""]))
    assert octets_of(compile_lines(template, in_text), name) == encoded(
        template.fill({"name": name}, in_text).replace("\r\n", "\n").replace("\n", "\r\n").encode()
    )


@given(st.lists(st.text(st.sampled_from("wж \t.="), max_size=240), min_size=1))
@example(["w" * 74 + " "])
@example(["w" * 74 + "\t", "w" * 73 + " "])
def test_no_line_has_more_than_76_octets_and_none_ends_with_a_blank(lines: list[str]) -> None:
    whole = "".join([f"{line}\r\n" for line in lines])
    octets = encoded(whole.encode())
    assert all(len(line) <= 76 and not line.endswith((b" ", b"\t")) for line in octets.split(b"\r\n"))
    assert quopri.decodestring(octets).decode() == whole


@given(st.lists(st.lists(LONG, max_size=4).map("".join), min_size=1), VALUE)
@example(["w" * 200 + "{{ name }}" + "w" * 200, "{{ name }}"], "a")
@example(["{{ name }}" + "w" * 200 + "{{ name }}", "{{ name }}"], "a")
def test_long_lines_are_cut_beside_their_variables_and_nothing_is_lost(lines: list[str], name: str) -> None:
    template = compile_template("\n".join([*lines, ""]))
    octets = octets_of(compile_lines(template, in_html), name)
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    filled = template.fill({"name": name}, in_html).replace("\r\n", "\n")
    assert quopri.decodestring(octets).decode().replace("\r\n", "\n") == filled


def test_lines_with_variables_are_one_piece_unless_what_is_between_is_worth_sharing() -> None:
    def pieces(between: str) -> list[bool]:
        source = f"{{{{ name }}}}\n{between}\n{{{{ name }}}}\n"
        return [isinstance(one, bytes) for one in join(compile_lines(compile_template(source), in_text))]

    assert pieces("and so") == [False]
    assert pieces("word " * 8) == [False]
    assert pieces("a line of some words that all have\n" * 9) == [False, True, False]
