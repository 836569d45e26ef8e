"""The ledger of ratings replayed after a rule was corrected: a batch of clients at a time, each in one transaction.

Facts of a client are the entries of its ledger and its finally failed rows that have none (their rule said: no effect).
What differs is saved: an entry for each failure that counts now, at its own time, and one entry "replay" that brings
the rating to what the facts make of it. Crash case: killed between two batches, a second replay does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from mail.dsn import enhanced_in
from mail.outcome import Effect
from policy.lifecycle import State
from policy.replay import Fact, Judged, replayed
from store import list_ratings
from store.columns import to_microseconds
from store.schema import clients, rating_changes, recipients

BATCH: Final = 100
_REPLAY: Final = "replay"
_FAILED: Final = (State.FAILED, State.EXPIRED, State.BOUNCED)


@dataclass(frozen=True, slots=True)
class Change:
    """A client whose rating is another by the rules of today; `why` names the failures that are judged otherwise."""

    client_id: int
    address: str
    before: int
    after: int
    why: tuple[str, ...]


def count(tx: Connection, project: int | None) -> int:
    """How many clients there are to look at."""
    return int(tx.execute(_of(project, select(func.count()))).scalar_one())


def part(tx: Connection, project: int | None, behind: int) -> list[int]:
    """The next clients by id."""
    wanted = _of(project, select(clients.c.id)).where(clients.c.id > behind)
    return list(tx.execute(wanted.order_by(clients.c.id).limit(BATCH)).scalars())


def replay(tx: Connection, ids: Sequence[int], now: datetime, *, save: bool) -> list[Change]:
    """What differs among these clients; saved too where `save` says so."""
    wanted = select(clients).where(clients.c.id.in_(ids)).order_by(clients.c.id)
    found = tx.execute(wanted.with_for_update() if save else wanted).all()
    return [change for client in found if (change := _replay(tx, client, now, save=save)) is not None]


def _of(project: int | None, wanted: Any) -> Any:
    wanted = wanted.select_from(clients)
    return wanted if project is None else wanted.where(clients.c.project_id == project)


def _replay(tx: Connection, client: Row[Any], now: datetime, *, save: bool) -> Change | None:
    entries = tx.execute(
        select(rating_changes).where(rating_changes.c.client_id == client.id).order_by(rating_changes.c.id)
    ).all()
    told = [one for one in entries if one.cause != _REPLAY]
    known = {one.recipient_id for one in told}
    facts = [_told(one) for one in told] + [_failure(one) for one in _failures(tx, client.id) if one.id not in known]
    facts.sort(key=lambda one: one.at)
    judged = replayed(entries[0].before if entries else client.rating, facts)
    rating = judged[-1].after if judged else client.rating
    new = [one for one in judged if not one.fact.recorded and one.effect is not Effect.NONE]
    if rating == client.rating and not new:
        return None
    if save:
        _save(tx, client, new, rating, now)
    return Change(client.id, client.address, client.rating, rating, tuple(_why(one) for one in judged if _differs(one)))


def _failures(tx: Connection, client: int) -> Sequence[Row[Any]]:
    """Rows that a host refused in the end; those without a code are no host's verdict."""
    wanted = select(recipients).where(
        recipients.c.client_id == client, recipients.c.state.in_(_FAILED), recipients.c.last_code.is_not(None)
    )
    return tx.execute(wanted.order_by(recipients.c.id)).all()


def _told(one: Row[Any]) -> Fact:
    return Fact(
        one.at, one.cause, one.recipient_id, one.reason, one.words, one.code, one.status or "", bool(one.explained),
        one.after, recorded=True,
    )  # fmt: skip


def _failure(row: Row[Any]) -> Fact:
    words = row.last_words or ""
    return Fact(
        row.settled_at, "", row.id, row.reason, words, row.last_code, enhanced_in(words), explained=False, set_to=0,
        recorded=False,
    )  # fmt: skip


def _differs(one: Judged) -> bool:
    return one.fact.cause in ("", "block", "full") and one.effect.value != (one.fact.cause or Effect.NONE.value)


def _why(one: Judged) -> str:
    was, reason = one.fact.cause or "none", one.fact.reason.value if one.fact.reason else "-"
    now = one.reason.value if one.reason else "-"
    return f"row {one.fact.recipient_id}: {was} ({reason}) is {one.effect.value} ({now}): {one.fact.words[:200]}"


def _save(tx: Connection, client: Row[Any], new: Sequence[Judged], rating: int, now: datetime) -> None:
    shared = {"project_id": client.project_id, "client_id": client.id}
    for one in new:
        fact = one.fact
        tx.execute(insert(rating_changes).values(
            **shared, before=one.before, after=one.after, cause=one.effect.value, reason=one.reason, words=fact.words,
            code=fact.code, status=fact.status or None, explained=fact.explained, recipient_id=fact.recipient_id,
            at=fact.at, cause_key=f"{one.effect.value}:{fact.recipient_id}",
        ))  # fmt: skip
    if rating != client.rating:
        tx.execute(insert(rating_changes).values(
            **shared, before=client.rating, after=rating, cause=_REPLAY, words="by the rules of today", at=now,
            cause_key=f"{_REPLAY}:{to_microseconds(now)}",
        ))  # fmt: skip
        tx.execute(update(clients).where(clients.c.id == client.id).values(rating=rating))
        list_ratings.changed(tx, client.id, client.rating, rating)
