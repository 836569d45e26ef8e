"""What a campaign is written in becomes the HTML that is sent: variables come through, nothing is fetched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.markup import LONGEST, Form, button, to_html, with_button
from mail.template import compile_template, in_html

MJML = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"
FIELDS = '{{ name | default("a <b> friend") }}'


def test_html_is_sent_as_it_was_written() -> None:
    assert to_html(Form.HTML, "<p>{{ x }}<b>") == "<p>{{ x }}<b>"


@pytest.mark.parametrize(
    ("form", "source"),
    [
        (Form.MARKDOWN, f"# Hi {FIELDS}\n\n[go]({{{{ link }}}}) and ![x]({{{{ link }}}})"),
        (Form.MJML, MJML.format(f'<mj-text>Hi {FIELDS}</mj-text><mj-button href="{{{{ link }}}}">Go</mj-button>')),
    ],
)
def test_variables_come_through_text_and_attributes(form: Form, source: str) -> None:
    made = compile_template(to_html(form, source))
    assert made.names == {"name", "link"}
    filled = made.fill({"link": "https://a.test/?x=1&y=2"}, in_html)
    assert "Hi a &lt;b&gt; friend" in filled
    assert 'href="https://a.test/?x=1&amp;y=2"' in filled


def test_markdown_makes_paragraphs_lists_tables_and_a_page() -> None:
    made = to_html(Form.MARKDOWN, "**bold** ~~gone~~\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|\n")
    for part in ("<!doctype html>", "<strong>bold</strong>", "<s>gone</s>", "<li>two</li>", "<td>2</td>", "</body>"):
        assert part in made
    assert "javascript:" not in to_html(Form.MARKDOWN, "[x](javascript:alert(1))").replace("(javascript:", "")


def test_mjml_asks_for_no_font_and_no_include() -> None:
    made = to_html(Form.MJML, MJML.format("<mj-text>Hello</mj-text>"))
    assert "Hello" in made
    assert "fonts.googleapis" not in made
    with pytest.raises(ValueError, match="mj-include"):
        to_html(Form.MJML, MJML.format('<mj-include path="/etc/passwd"/>'))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Hello</p>", "position 0"),
        ("<mjml><mj-body>", "end of stream"),
        (MJML.format("\n<mj-foo/>"), "line 2: <mj-foo> is no element"),
        (MJML.format("<mj-text>" + "<div>" * 100_000 + "</mj-text>"), "levels"),
        (MJML.format("<mj-raw>" + "<div><!-- </div> -->" * 20_000 + "</mj-raw>"), "levels"),
        (MJML.format("<mj-raw>" + '<div a="</div>">' * 20_000 + "</mj-raw>"), "levels"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + MJML.format(""), "declarations"),
        ("x" * (LONGEST + 1), "at most"),
    ],
)
def test_what_is_no_mjml_is_refused_with_its_reason(source: str, words: str) -> None:
    """5,000 levels would end the process that parses them."""
    with pytest.raises(ValueError, match=words):
        to_html(Form.MJML, source)


@settings(max_examples=60)
@given(st.sampled_from([Form.MARKDOWN, Form.MJML]), st.text("<>{}()[]*`\"'/ amj-\n|é", max_size=60))
def test_any_text_is_made_or_refused(form: Form, source: str) -> None:
    try:
        made = to_html(form, source)
    except ValueError:
        return
    assert isinstance(made, str)


@pytest.mark.parametrize(
    ("form", "source", "after"),
    [
        (Form.HTML, "<body><p>x</p></BODY></html>", "</BODY>"),
        (Form.HTML, "<p>x</p>", ""),
        (Form.MARKDOWN, "# Title", ""),
        (Form.MJML, MJML.format("<mj-text>x</mj-text>"), "</mj-column>"),
    ],
)
def test_a_button_is_put_where_the_form_has_its_end(form: Form, source: str, after: str) -> None:
    made = with_button(form, source, button(form, 'Buy "now" & here', "https://a.test/?a=1&b=2"))
    head, found, tail = made.rpartition(after) if after else (made, "", "")
    assert found == after
    assert tail in source
    assert "https://a.test/?a=1&amp;b=2" in head
    page = to_html(form, made)
    assert "Buy &quot;now&quot; &amp; here" in page
    assert 'href="https://a.test/?a=1&amp;b=2"' in page


@pytest.mark.parametrize(
    ("words", "link"),
    [("", "https://a.test"), ("x" * 101, "https://a.test"), ("x\n", "javascript:alert(1)"), ("x", "a.test"),
     ("x", 'https://a.test/"onclick=x'), ("a\x00b", "https://a.test")],
)  # fmt: skip
def test_a_button_without_words_or_with_another_scheme_is_refused(words: str, link: str) -> None:
    with pytest.raises(ValueError, match="button"):
        button(Form.HTML, words, link)
