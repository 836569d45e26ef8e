"""Keyset pages: what is shown in parts, the next part beginning behind the last id of this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from admin.refusals import InvalidError

V = TypeVar("V")
R = TypeVar("R")
LONGEST: Final = 1000
DEFAULT: Final = 100


@dataclass(frozen=True, slots=True)
class Window:
    """Behind which id, and how many."""

    after: int = 0
    limit: int = DEFAULT


@dataclass(frozen=True, slots=True)
class Page(Generic[V]):
    """`next` is the cursor of the next page, None where this is the last."""

    items: list[V]
    next: str | None


def window(cursor: str | None, limit: int | None) -> Window:
    """Raises InvalidError for a cursor that no page gave, or a limit out of bounds."""
    if limit is not None and not 1 <= limit <= LONGEST:
        raise InvalidError(f"limit {limit} is not within 1..{LONGEST}")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidError("cursor is none that a page gave as `next`; leave it out for the first page")
    return Window(int(cursor) if cursor else 0, limit or DEFAULT)


def page_of(rows: Sequence[R], window: Window, view: Callable[[R], V], key: Callable[[R], int]) -> Page[V]:
    """`rows` were asked for with one more than the window's limit, which tells whether more follow."""
    shown = rows[: window.limit]
    following = str(key(shown[-1])) if len(rows) > window.limit else None
    return Page([view(row) for row in shown], following)


def every(page: Callable[[Window], Page[V]]) -> list[V]:
    """The rows of all pages, for a list that is never too long to be held at once."""
    found = page(Window(limit=LONGEST))
    rows = list(found.items)
    while found.next is not None:
        found = page(Window(int(found.next), LONGEST))
        rows += found.items
    return rows
