"""The ledger of ratings replayed after a rule was corrected (PRODUCT R6), and the tallies of ratings checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from admin.office import Office
from store import list_ratings, replay
from store.list_ratings import Difference
from store.replay import Change

AT_ONCE: Final = 5_000  # clients of one request


@dataclass(frozen=True, slots=True)
class Progress:
    """`changes` of this batch; `behind` is the last client looked at."""

    changes: list[Change]
    looked: int
    of: int
    behind: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """`more`: the client to go on behind, where one request could not look at all of them."""

    changes: list[Change]
    looked: int
    more: int | None


def replay_all(office: Office, project: int | None, behind: int, *, dry_run: bool) -> Iterator[Progress]:
    """Batch by batch, in the order of clients; `dry_run` tells and saves nothing."""
    with office.read() as connection:
        of = replay.count(connection, project)
    looked = 0
    while True:
        with office.read() as connection:
            ids = replay.part(connection, project, behind)
        if not ids:
            return
        behind, looked = ids[-1], looked + len(ids)
        yield Progress(_changes(office, ids, dry_run), looked, max(of, looked), behind)


def _changes(office: Office, ids: list[int], dry_run: bool) -> list[Change]:
    now = office.now()
    if dry_run:
        with office.read() as connection:
            return replay.replay(connection, ids, now, save=False)
    return office.write(partial(replay.replay, ids=ids, now=now, save=True))


def replay_at_once(office: Office, project: int | None, behind: int, *, dry_run: bool) -> Replayed:
    """As much as one request may do."""
    changes: list[Change] = []
    looked = 0
    for progress in replay_all(office, project, behind, dry_run=dry_run):
        changes, looked = changes + progress.changes, progress.looked
        if looked >= AT_ONCE:
            return Replayed(changes, looked, progress.behind)
    return Replayed(changes, looked, None)


def check(office: Office, *, mend: bool) -> list[Difference]:
    """The tallies of ratings against the clients themselves, which a million of them take seconds for."""
    if mend:
        return office.write(list_ratings.mend)
    with office.read() as connection:
        return list_ratings.differences(connection)
