"""What the doctor found, in the reader's language: it speaks English, which the command line and the API tell too.

The table is admin/words/doctor.ru.toml, one line for each name and sentence of admin/doctor
(tests/pure/test_doctor_words.py); what it lacks is shown as it was said.
"""

from __future__ import annotations

from typing import Final

from admin.doctor.finding import Finding
from admin.pages.sentences import compiled, load, said

_TABLES: Final = {"ru": compiled(load("ru", "doctor"))}


def finding(language: str, one: Finding) -> Finding:
    table = _TABLES.get(language, ())
    check, what, told, mend = (said(table, text) or text for text in (one.check, one.what, one.told, one.mend))
    return Finding(check, what, one.verdict, told, mend)
