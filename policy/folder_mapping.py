"""Which folder here each folder of another server becomes.

Pure. Called by admin/migrating.py. By its special use (RFC 6154) where the server tells any, else by the names that
servers give such folders; the prefix of the personal namespace (RFC 2342) goes, its delimiter becomes ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SEPARATOR: Final = "/"
INBOX: Final = "INBOX"
_NOT_ONE: Final = {
    "\\noselect": "it holds folders, no mails",
    "\\nonexistent": "it is a name without a folder",
    "\\all": "it shows the mails of the other folders again",
    "\\flagged": "it shows the mails of the other folders again",
    "\\important": "it shows the mails of the other folders again",
}
_BY_NAME: Final = {
    "sent": "\\Sent", "sent items": "\\Sent", "sent messages": "\\Sent", "sent mail": "\\Sent", "drafts": "\\Drafts",
    "draft": "\\Drafts", "trash": "\\Trash", "deleted items": "\\Trash", "deleted messages": "\\Trash",
    "junk": "\\Junk", "junk e-mail": "\\Junk", "junk email": "\\Junk", "spam": "\\Junk", "bulk mail": "\\Junk",
    "archive": "\\Archive", "archives": "\\Archive",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A folder as LIST tells it; `attributes` in lower case, `delimiter` empty where there are no levels."""

    name: str
    delimiter: str
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mapped:
    """`here` None: it is left out, `reason` says why."""

    name: str
    here: str | None
    reason: str = ""


def mapped(found: Sequence[Elsewhere], prefix: str, uses: Mapping[str, str]) -> list[Mapped]:
    """In the order of their names, INBOX first. `uses`: special use to the folder here that has it."""
    by_use = {use.lower(): name for use, name in uses.items()}
    told = any(_has_use(folder, by_use) for folder in found)
    names = by_use if told else {name: uses[use] for name, use in _BY_NAME.items() if use in uses}
    taken: dict[str, str] = {}  # the names here, by what they were there
    result: list[Mapped] = []
    # Who has a special use gets its name before a folder that is merely called so; parents go before their children.
    order = sorted(found, key=lambda one: (one.name.upper() != INBOX, not _has_use(one, by_use), one.name))
    for folder in order:
        reason = next((_NOT_ONE[one] for one in sorted(folder.attributes) if one in _NOT_ONE), "")
        here = _free(_name(folder, prefix, names, told, taken), taken)
        taken[folder.name] = here
        result.append(Mapped(folder.name, None if reason else here, reason))
    return sorted(result, key=lambda one: (one.here != INBOX, one.name))


def _has_use(folder: Elsewhere, by_use: Mapping[str, str]) -> bool:
    return any(attribute in by_use for attribute in folder.attributes)


def _name(folder: Elsewhere, prefix: str, names: Mapping[str, str], told: bool, taken: Mapping[str, str]) -> str:
    if folder.name.upper() == INBOX:
        return INBOX
    above = folder.name.rpartition(folder.delimiter)[0] if folder.delimiter else ""
    bare = folder.name.removeprefix(prefix)
    levels = bare.split(folder.delimiter) if folder.delimiter else [bare]
    asked = sorted(folder.attributes) if told else ([levels[0].lower()] if len(levels) == 1 else [])
    special = next((names[one] for one in asked if one in names), None)
    if special is not None and special not in taken.values():
        return special
    if len(levels) > 1 and above in taken:
        return f"{taken[above]}{SEPARATOR}{_level(levels[-1])}"
    return SEPARATOR.join(_level(level) for level in levels)


def _level(text: str) -> str:
    """A level that our own rules allow."""
    kept = "".join("_" if char in "/*%\\" or not char.isprintable() else char for char in text).strip()
    return kept[:100] or "_"


def _free(name: str, taken: Mapping[str, str]) -> str:
    """That name, or with a number where another folder has become it."""
    number, wanted = 1, name
    while wanted in taken.values() or (number > 1 and wanted.upper() == INBOX):
        number += 1
        wanted = f"{name} {number}"
    return wanted
