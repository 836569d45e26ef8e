"""Why an act was not done, in the reader's language: acts speak English, which the API and the command line tell too.

Called where a page shows a form that failed or a failure. The table is admin/words/refusals.ru.toml, one line for each
sentence of admin/acts and admin/pages (tests/pure/test_refused_words.py). What stands in the way of a campaign or a
sender is told as everywhere (reason_words.py); what neither knows is shown as it was said.
"""

from __future__ import annotations

from typing import Final

from admin.pages import reason_words
from admin.pages.sentences import compiled, load, said

_TABLES: Final = {"ru": compiled(load("ru", "refusals"))}


def told(language: str, detail: str) -> str:
    found = said(_TABLES.get(language, ()), detail)
    return reason_words.told(language, detail) if found is None else found
