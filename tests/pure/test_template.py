"""mail/template: variables with defaults, and every other use of braces is an error with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.template import Value, compile_template, in_header, in_html, in_text


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("Dear {{ name }}!", "Dear Ann!"),
        ("{{name}}{{  name  }}", "AnnAnn"),
        ('{{ gone | default("you") }}', "you"),
        ("{{ gone|default('you \"there\"') }}", 'you "there"'),
        ('{{ name | default("you") }}', "Ann"),
        ('{{ empty | default("you") }}', "you"),
        ("{{ gone }}", ""),
        ("{{ имя }} {{ order.id-2 }}", "Анна 17"),
        ("@media{a{b:c}}#x{d:e} } { %} ", "@media{a{b:c}}#x{d:e} } { %} "),
        ("", ""),
    ],
)
def test_variables_are_filled(source: str, filled: str) -> None:
    values: dict[str, Value] = {"name": "Ann", "empty": "", "имя": "Анна", "order.id-2": 17}
    assert compile_template(source).fill(values, in_text) == filled


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3, "3"),
        (3.0, "3"),
        (3.5, "3.5"),
        (float("inf"), "inf"),
        (Decimal("9.90"), "9.90"),
        (date(2026, 3, 4), "2026-03-04"),
        (datetime(2026, 3, 4, 5, 6, tzinfo=UTC), "2026-03-04 05:06"),
        (None, ""),
    ],
)
def test_values_are_written_as_people_do(value: Value, written: str) -> None:
    assert compile_template("{{ x }}").fill({"x": value}, in_text) == written


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{{", "line 1, column 1"),
        ("a\nbc {{ x | upper }}", "line 2, column 4"),
        ("{{ x }} {{ 1x }}", "line 1, column 9"),
        ("{% if x %}", "line 1, column 1"),
        ("{{ x.__class__() }}", "line 1, column 1"),
        ('{{ x | default("a\nb") }}', "line 1, column 1"),
        ("{{ }}", "line 1, column 1"),
        ("\n\n {{ a b }}", "line 3, column 2"),
    ],
)
def test_anything_else_in_braces_is_an_error_with_its_place(source: str, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        compile_template(source)


def test_names_are_listed_once() -> None:
    assert compile_template("{{ a }}{{ b }}{{ a | default('x') }}").names == {"a", "b"}


def test_defaults_are_text_in_html_too() -> None:
    assert compile_template("{{ x | default('A&B') }}").fill({}, in_html) == "A&amp;B"


def test_a_value_is_never_a_template() -> None:
    assert compile_template("{{ x }}").fill({"x": "{{ y }}", "y": "no"}, in_text) == "{{ y }}"


@given(st.text())
def test_slots_let_no_control_through(value: str) -> None:
    assert in_header(value).isprintable() or not any(char in in_header(value) for char in "\r\n\0\x1c\x85\u2028\ud800")
    text = in_text(value)
    assert len(text.splitlines()) <= text.count("\r\n") + 1
    assert text.replace("\r\n", "").count("\r") == 0
    assert not set("<>\"'") & set(in_html(value))
    text.encode()
