"""Sentences of ours and what stands for them in another language: admin/words/<what>.<language>.toml, {} for values.

Read by admin/pages/refused_words, reason_words and doctor_words, each of its own table.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

from admin.pages.catalogue import FOLDER

Table = Sequence[tuple[re.Pattern[str], str]]


def load(language: str, what: str) -> dict[str, str]:
    return dict(tomllib.loads((FOLDER / f"{what}.{language}.toml").read_text("utf-8")))


def compiled(table: Mapping[str, str]) -> Table:
    """What has the most words of its own first, so that no sentence is taken for a vaguer one."""
    longest = sorted(table, key=lambda one: -len(one.replace("{}", "")))
    return [(re.compile("(.*?)".join(map(re.escape, one.split("{}"))), re.DOTALL), table[one]) for one in longest]


def said(table: Table, sentence: str) -> str | None:
    """Its counterpart with its values in their places, None where there is none."""
    for pattern, words in table:
        if found := pattern.fullmatch(sentence):
            return words.format(*found.groups())
    return None
