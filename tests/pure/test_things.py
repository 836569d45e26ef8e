"""A thing in the audit trail is read back as it was written, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from admin.acts import things
from admin.acts.things import Thing, thing
from admin.pages.audit_words import subject
from admin.pages.catalogue import LANGUAGES, Words, load
from store.things import NOUNS


@pytest.mark.parametrize("name", ["Spring", 'a "b": c', "back\\slash", "", "Весна", '" 5 "', "\x00"])
@pytest.mark.parametrize("rest", ["", ": more", ' "x"'])
def test_what_was_written_is_read(name: str, rest: str) -> None:
    assert things.read(thing("campaign", 3, name) + rest) == Thing("campaign", "3", name, rest)


@pytest.mark.parametrize(
    "kept",
    ["", "campaigns/3", "ann@x.test", 'comet 3 "x"', "campaign 3", 'campaign x "y"', 'campaign 3 "\\x"', 'list 3 "'],
)
def test_what_is_none_is_shown_as_it_is(kept: str) -> None:
    assert things.read(kept) is None
    assert subject(Words("ru"), kept) == kept


def test_a_long_name_is_cut_and_still_read() -> None:
    found = things.read(thing("list", 3, "x" * 900))
    assert found is not None
    assert found.name == "x" * 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_noun_has_its_word_and_a_name_is_escaped(language: str) -> None:
    assert {f"audit.noun.{noun}" for noun in NOUNS} == {one for one in load(language) if one.startswith("audit.noun.")}
    told = subject(Words(language), thing("sender", 7, "<script>") + ": <b>")
    assert "&lt;script&gt;" in told
    assert told.endswith(": &lt;b&gt;")


def test_each_language_says_it_in_its_way() -> None:
    assert subject(Words("en"), thing("campaign", 3, "Spring") + ": x") == "campaign 3 “Spring”: x"
    assert subject(Words("ru"), thing("campaign", 3, "Весна")) == "рассылка № 3 «Весна»"
