"""Why an act was not done, in the reader's language: acts speak English, which the API and the command line tell too.

Called where a page shows a form that failed or a failure. The table is admin/words/refusals.ru.toml, one line for each
sentence of admin/acts and admin/pages (tests/pure/test_refused_words.py); what it lacks is shown as it was said.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Final

from admin.pages.catalogue import FOLDER

Table = Sequence[tuple[re.Pattern[str], str]]


def load(language: str, what: str = "refusals") -> dict[str, str]:
    return dict(tomllib.loads((FOLDER / f"{what}.{language}.toml").read_text("utf-8")))


def compiled(table: Mapping[str, str]) -> Table:
    """What has the most words of its own first, so that no sentence is taken for a vaguer one."""
    longest = sorted(table, key=lambda one: -len(one.replace("{}", "")))
    return [(re.compile("(.*?)".join(map(re.escape, one.split("{}"))), re.DOTALL), table[one]) for one in longest]


_TABLES: Final = {"ru": compiled(load("ru"))}


def said(table: Table, sentence: str) -> str:
    """Its counterpart with its values in their places, itself where there is none."""
    for pattern, words in table:
        if found := pattern.fullmatch(sentence):
            return words.format(*found.groups())
    return sentence


def told(language: str, detail: str) -> str:
    return said(_TABLES.get(language, ()), detail)
