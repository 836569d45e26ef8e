"""Why a campaign stands still, a breaker tripped or a row was not sent, in the reader's language.

Rows keep English sentences, which the API and the command line tell too; several are joined by "; ", and one may be a
value of another. The table is admin/words/reasons.ru.toml, one line for each sentence that is written
(tests/pure/test_reason_words.py), with {} for a value and {...} for details up to the end that are left out;
reasons.en.toml has those that are too long for a page. What the tables lack, such as a remote host's words, is shown as
it was said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from admin.pages.catalogue import LANGUAGES
from admin.pages.sentences import Table, load

_NEXT: Final = "; "
_PARTS: Final = re.compile(r"(\{\}|\{\.\.\.\})")
_PLACES: Final = {"{}": "([^;]*?)", "{...}": ".*"}


def _compiled(table: Mapping[str, str]) -> Table:
    """What has the most words of its own first; no value holds a semicolon, so that joined sentences stay apart."""
    longest = sorted(table, key=lambda one: -len(_PARTS.sub("", one)))
    return [(re.compile(_pattern(one), re.DOTALL), table[one]) for one in longest]


def _pattern(sentence: str) -> str:
    return "".join(_PLACES.get(part) or re.escape(part) for part in _PARTS.split(sentence)) + f"(?={_NEXT}|$)"


_TABLES: Final = {language: _compiled(load(language, "reasons")) for language in LANGUAGES}


def told(language: str, words: str) -> str:
    """Each of its sentences that is ours by its counterpart, with its values in their places."""
    table = _TABLES[language]
    for pattern, counterpart in table:
        if found := pattern.match(words):
            values = [told(language, value) for value in found.groups()]
            rest = words[found.end() :].removeprefix(_NEXT)
            return counterpart.format(*values) + (_NEXT + told(language, rest) if rest else "")
    return words
