"""Which names a LIST or LSUB shows, and with which attributes (RFC 3501 §6.3.8, RFC 5258, RFC 6154). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from store.folders import INBOX, SEPARATOR, Folder


@dataclass(frozen=True, slots=True)
class Selection:
    """What LIST was asked to choose and to tell. `by_lsub`: LSUB's rules."""

    subscribed: bool = False
    special_use: bool = False
    recursive: bool = False
    tells_subscribed: bool = False
    by_lsub: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    name: str
    attributes: tuple[str, ...]
    has_matching_inferiors: bool
    folder: Folder | None  # None: a level that is none itself


def shown(
    known: Iterable[Folder], subscribed: Collection[str], patterns: list[str], selection: Selection
) -> Iterator[Shown]:
    """The names that match any of the patterns, INBOX first, then sorted."""
    folders = {folder.name: folder for folder in known}
    chosen = set(subscribed if selection.subscribed else folders)
    if selection.special_use:
        chosen = {name for name in chosen if name in folders and folders[name].special_use}
    levels = {level for name in folders for level in _levels_above(name)}
    with_chosen_inferiors = {level for name in chosen for level in _levels_above(name)}
    candidates = chosen | _bare_levels(levels, chosen, folders.keys(), patterns, selection)
    for name in sorted(candidates, key=lambda name: (name != INBOX, name)):
        if _matches_any(patterns, name):
            one = _Name(name, folders.get(name), name in levels, name in chosen, name in subscribed)
            told = selection.recursive and name in with_chosen_inferiors
            yield Shown(name, tuple(_attributes(one, selection)), told, folders.get(name))


@dataclass(frozen=True, slots=True)
class _Name:
    name: str
    folder: Folder | None
    has_children: bool
    is_chosen: bool
    is_subscribed: bool


def _matches_any(patterns: list[str], name: str) -> bool:
    """INBOX is written in any case (RFC 3501 §5.1)."""
    return any(matches(pattern.upper() if name == INBOX else pattern, name) for pattern in patterns)


def matches(pattern: str, name: str) -> bool:
    """`*` is any run of characters, `%` one within a level. Linear in both, whatever the pattern is.

    Bit n of `reached` says that the pattern so far can end at the n-th character.
    """
    reached = 1
    everywhere = (1 << (len(name) + 1)) - 1
    for char in pattern:
        if char == "*":
            reached = everywhere & ~((reached & -reached) - 1) if reached else 0
        elif char == "%":
            reached = _within_level(reached, name)
        else:
            reached = sum(1 << (n + 1) for n, other in enumerate(name) if other == char and reached >> n & 1)
        if not reached:
            return False
    return bool(reached >> len(name) & 1)


def _within_level(reached: int, name: str) -> int:
    for n, char in enumerate(name):
        if reached >> n & 1 and char != SEPARATOR:
            reached |= 1 << (n + 1)
    return reached


def _bare_levels(
    levels: set[str], chosen: set[str], existing: Iterable[str], patterns: list[str], by: Selection
) -> set[str]:
    """Names that are shown for the sake of what is below them."""
    if by.recursive:  # only where that is not shown itself (RFC 5258 §3.5)
        return {level for name in chosen if not _matches_any(patterns, name) for level in _levels_above(name)}
    if by.by_lsub:  # RFC 3501 §6.3.9: only where % stops at the level
        stops = any("%" in pattern for pattern in patterns)
        return {level for name in chosen for level in _levels_above(name)} if stops else set()
    return set() if by.subscribed or by.special_use else levels - set(existing)


def _levels_above(name: str) -> list[str]:
    pieces = name.split(SEPARATOR)
    return [SEPARATOR.join(pieces[:depth]) for depth in range(1, len(pieces))]


def _attributes(one: _Name, selection: Selection) -> Iterator[str]:
    if one.folder is None and not (selection.by_lsub and one.is_chosen):
        yield "\\Noselect" if selection.by_lsub or one.has_children else "\\NonExistent"
    elif selection.by_lsub and not one.is_chosen:
        yield "\\Noselect"
    yield "\\HasChildren" if one.has_children else "\\HasNoChildren"
    if one.is_subscribed and (selection.subscribed or selection.tells_subscribed) and not selection.by_lsub:
        yield "\\Subscribed"
    if one.folder is not None and one.folder.special_use:
        yield one.folder.special_use
