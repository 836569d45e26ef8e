"""Why an act was not done, in the reader's language: acts speak English, which the API and the command line tell too.

Called where a page shows a form that failed or a failure. The table is admin/words/refusals.ru.toml, one line for each
sentence of admin/acts and admin/pages (tests/pure/test_refused_words.py); what it lacks is shown as it was said.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Final

from admin.pages.catalogue import FOLDER


def load(language: str) -> dict[str, str]:
    return dict(tomllib.loads((FOLDER / f"refusals.{language}.toml").read_text("utf-8")))


def _compiled(table: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """What has the most words of its own first, so that no sentence is taken for a vaguer one."""
    longest = sorted(table, key=lambda one: -len(one.replace("{}", "")))
    return [(re.compile("(.*?)".join(map(re.escape, one.split("{}"))), re.DOTALL), table[one]) for one in longest]


_TABLES: Final = {"ru": _compiled(load("ru"))}


def told(language: str, detail: str) -> str:
    for pattern, words in _TABLES.get(language, ()):
        if found := pattern.fullmatch(detail):
            return words.format(*found.groups())
    return detail
