"""The panel speaks every language whole: the same keys in each, every key that a page or template uses, no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from admin.pages import render
from admin.pages.catalogue import LANGUAGES, Words, form_of, load, preferred

ADMIN = Path(render.__file__).parent.parent
FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many"}}
# t("key"), n("key", ...), and t("above." ~ name), named("above", name): everything below `above` counts as used.
_WHOLE = re.compile(r"""\b[tn]\(\s*["']([a-z_.]+)["']\s*[,)]""")
_ABOVE = re.compile(r"""\b(?:t\(\s*["']([a-z_.]+)\.["']\s*~|named\(\s*["']([a-z_.]+)["'])""")
_SUFFIXED = re.compile(r"""\bt\(\s*["']([a-z_]+\.[a-z_]+_)["']\s*~""")
# Chosen by code: visit.done, base.html, the catalogue, notices.py, unsubscribe.py.
_CODE = {"said", "nav", "ago", "octets", "unit", "notices", "unsubscribe"}


def _sources() -> str:
    files = [*(ADMIN / "templates").glob("*.html"), *(ADMIN / "pages").glob("*.py")]
    return "\n".join(file.read_text("utf-8") for file in files)


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _unused(keys: set[str], source: str) -> Iterator[str]:
    whole = set(_WHOLE.findall(source))
    above = {f"{first or second}." for first, second in _ABOVE.findall(source)} | set(_SUFFIXED.findall(source))
    for key in keys:
        if key.partition(".")[0] not in _CODE and key not in whole and not key.startswith(tuple(above)):
            yield key


def test_every_language_has_the_same_keys_and_the_same_places_for_values() -> None:
    english = load("en")
    for language in LANGUAGES:
        other = load(language)
        assert set(other) == set(english), set(other) ^ set(english)
        for key, value in other.items():
            forms = value if isinstance(value, dict) else {"": value}
            if isinstance(value, dict):
                assert set(value) == FORMS[language], (language, key)
                assert isinstance(english[key], dict), key
            first = english[key] if isinstance(english[key], str) else english[key]["other"]
            for text in forms.values():
                assert _placeholders(text) == _placeholders(first), (language, key)


def test_every_key_that_a_page_uses_exists_and_no_key_is_left_over() -> None:
    keys, source = set(load("en")), _sources()
    used = {key for key in _WHOLE.findall(source) if not key.endswith((".", "_"))}
    assert used <= keys, used - keys
    assert list(_unused(keys, source)) == []


def test_every_sentence_after_an_act_exists() -> None:
    done = re.findall(r"""visit\.done\([^)]*?, ["']([a-z_]+)["']\)""", _sources())
    assert done
    assert {f"said.{name}" for name in done} <= set(load("en"))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 писем"), (1, "1 письмо"), (2, "2 письма"), (5, "5 писем"), (11, "11 писем"), (12, "12 писем"),
     (21, "21 письмо"), (24, "24 письма"), (111, "111 писем"), (1_000_003, "1\u00a0000\u00a0003 письма")],
)  # fmt: skip
def test_russian_counts_as_russian_does(count: int, words: str) -> None:
    assert Words("ru").n("domains.reported", count) == words


def test_numbers_shares_and_moments_are_written_as_each_language_does() -> None:
    moment = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    assert (Words("en").number(1234567), Words("ru").number(1234567)) == ("1,234,567", "1\u00a0234\u00a0567")
    assert [Words("ru").measured(one) for one in ("15 s", "30/min", "5", "no")] == ["15 с", "30/мин", "5", "no"]
    assert Words("en").measured("2.5/h") == "2.5/h"
    assert (Words("en").share(1, 3), Words("ru").share(1, 3)) == ("33.3%", "33,3\u00a0%")
    assert ">2026-03-04 05:06 UTC<" in Words("en").when(moment)
    assert ">04.03.2026 05:06 UTC<" in Words("ru").when(moment)
    assert (form_of("en", 1), form_of("en", 0)) == ("one", "other")


def test_values_are_escaped_in_sentences_and_unknown_names_too() -> None:
    assert "<script>" not in Words("en").t("lists.import_into", name="<script>")
    assert "<script>" not in Words("en").named("row_state", "<script>")


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("ru", "ru"), ("ru-RU,ru;q=0.9,en;q=0.8", "ru"), ("de,en;q=0.7,ru;q=0.3", "en"), ("de", "en"),
     ("en;q=0.1,ru;q=0.9", "ru"), ("ru;q=x", "en"), ("," * 600, "en")],
)  # fmt: skip
def test_the_browsers_languages_are_weighed(header: str, language: str) -> None:
    assert preferred(header) == language
