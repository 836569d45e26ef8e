"""CSV that people open in spreadsheets: cells that a program would take for a formula are made words (SECURITY).

Semicolons, as our own importer reads them. A cell that begins with = + - @ or a control character gets an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

_ACTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # the last four: full width


def cell(value: object) -> str:
    """A number is one and stays so."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_ACTS) else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()
