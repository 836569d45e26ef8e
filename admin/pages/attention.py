"""What an overview says first, of a project or of the whole machine: one thing that somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from admin.acts import trips
from admin.acts.trips import TripView
from admin.pages import reason_words
from admin.pages.visit import Visit

_PLACES: Final = {"campaign": "/campaigns/{}", "sender": "/senders/{}", "project": "/campaigns"}


@dataclass(frozen=True, slots=True)
class Attention:
    """`key` under the page's own words; `path` is where it is mended or looked at, `detail` is told besides."""

    key: str
    path: str
    what: str
    detail: str = ""
    grave: bool = True


def tripped(visit: Visit, project: int | None, base: str = "") -> Iterator[Attention]:
    """Breakers, of one project or of all; `base` has a place for the project in the path."""
    for one in trips.standing(visit.office, project):
        path = base.format(one.project) + _PLACES[one.scope].format(one.id)
        yield Attention("breaker", path, one.name, _said(visit, one), one.action != "notify")


def _said(visit: Visit, one: TripView) -> str:
    words = visit.words
    until = words.t("breaker.until", moment=words.ago(one.until, visit.office.now())) if one.until else ""
    why = reason_words.told(words.language, one.reason)
    return f"{words.named('breaker.does', one.action)}{until}: {why}"
