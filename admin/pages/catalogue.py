"""The words of the panel in each language: keys from admin/words/LANGUAGE.toml, plurals, dates, numbers.

Read once at import. A key that a language lacks raises KeyError; tests/pure/test_panel_words.py proves that all
languages have the same keys and that templates and pages use no other.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup, escape

FOLDER: Final = Path(__file__).parent.parent / "words"
LANGUAGES: Final = {"en": "English", "ru": "Русский"}
_FORMS: Final = frozenset({"one", "few", "many", "other"})
_SPACE: Final = {"en": ",", "ru": "\u00a0"}
_MEASURE: Final = re.compile(r"([0-9.]+)([ /])(s|min|h|d)")
_POINT: Final = {"en": ".", "ru": ","}


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict) and not set(value) <= _FORMS:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def load(language: str) -> dict[str, Any]:
    """Key to text, or to a table of plural forms."""
    return dict(_leaves(tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))))


_CATALOGUES: Final = {language: load(language) for language in LANGUAGES}


def form_of(language: str, count: int) -> str:
    """Which plural form, by CLDR's cardinal rules for whole numbers."""
    if language == "en":
        return "one" if count == 1 else "other"
    if count % 10 == 1 and count % 100 != 11:
        return "one"
    return "few" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "many"


def preferred(accepted: str) -> str:
    """The first of our languages by an Accept-Language header's weights (RFC 9110 §12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for piece in accepted[:500].split(","):
        tag, _, weight = piece.strip().partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            wanted.append((_weight(weight), language))
    best = max(wanted, key=lambda one: one[0], default=(1.0, "en"))
    return best[1] if best[0] > 0 else "en"


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Words:
    """One language; each method is called by that name in the templates."""

    language: str

    def t(self, key: str, **values: Any) -> Markup:
        """The text of a key; it may hold markup of ours, the values are escaped."""
        return Markup(_CATALOGUES[self.language][key]).format(**values)

    def plain(self, key: str, **values: str) -> str:
        """The text without its escapes, for what is no page."""
        return str(self.t(key, **values).unescape())

    def n(self, key: str, count: int, **values: Any) -> Markup:
        """The plural form that the number asks for, with {n} the number as it is written here."""
        form = _CATALOGUES[self.language][key][form_of(self.language, count)]
        return Markup(form).format(n=self.number(count), **values)

    def has(self, key: str) -> bool:
        return key in _CATALOGUES[self.language]

    def named(self, above: str, name: str) -> Markup:
        """The word for one of a closed set of names, such as a state; a name that is new is shown as it is."""
        found = _CATALOGUES[self.language].get(f"{above}.{name}")
        return escape(name) if found is None else Markup(found)

    def number(self, value: float, digits: int = 0) -> str:
        whole, _, part = f"{value:,.{digits}f}".partition(".")
        whole = whole.replace(",", _SPACE[self.language])
        return f"{whole}{_POINT[self.language]}{part}" if part else whole

    def share(self, part: float, whole: float) -> str:
        if not whole:
            return "–"
        space = "" if self.language == "en" else "\u00a0"
        return f"{self.number(100 * part / whole, 1)}{space}%"

    def measured(self, text: str) -> str:
        """A number with its unit, "15 s" or "30/min", as it is written here; anything else as it is."""
        found = _MEASURE.fullmatch(text)
        return f"{found[1]}{found[2]}{self.t(f'unit.{found[3]}')}" if found else text

    def octets(self, value: int) -> str:
        units = (("octets.gb", 30), ("octets.mb", 20), ("octets.kb", 10))
        for key, power in units:
            if value >= 1 << power:
                return str(self.t(key, n=self.number(value / (1 << power), 1)))
        return str(self.t("octets.b", n=self.number(value)))

    def when(self, moment: datetime | None) -> Markup:
        """A moment as <time>, in UTC; the browser makes it local."""
        if moment is None:
            return Markup("–")
        there = moment.astimezone(UTC)
        written = there.strftime("%d.%m.%Y %H:%M" if self.language == "ru" else "%Y-%m-%d %H:%M")
        return Markup('<time datetime="{}">{} UTC</time>').format(there.isoformat(timespec="seconds"), written)

    def ago(self, then: datetime, now: datetime) -> Markup:
        """How long, in its largest unit."""
        seconds = max(0, int(abs((now - then).total_seconds())))
        for key, size in (("ago.days", 86400), ("ago.hours", 3600), ("ago.minutes", 60)):
            if seconds >= size:
                return self.n(key, seconds // size)
        return self.n("ago.seconds", seconds)
