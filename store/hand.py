"""An operator's hand on ledger rows: hold, release, cancel, and "try again now".

Each call is one transaction over at most 200 rows, named by their ids, and idempotent: a row that is already where it
was to go is left alone and not counted. The moves are those of policy/lifecycle. A row in flight is in a sender's
hands, so it is only asked for (`asked`): the sender gives back what still waits in a lane, and whoever takes the row
out of flight (store/ledger.settle, store/workers) moves it on in the same transaction; what was on the wire and was
delivered stays delivered. Crash case: a sender that dies with rows that were asked for is buried, and they are moved
then; an operator's command that is killed has moved whole batches and is simply given again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, text, update

from policy.lifecycle import FINAL, Event, State, advance
from store import counters, flows
from store.columns import to_microseconds
from store.schema import INFLIGHT, messages, recipients

BATCH: Final = 200
BY_HAND: Final = "cancelled by hand"
STOP: Final = timedelta(minutes=1)  # a flow is left alone so long after the last batch of a hold that was killed

_STOP = text("UPDATE flows SET stopped_until = :until WHERE id = :flow")


def move(tx: Connection, event: Event, ids: Collection[int], now: datetime, words: str = BY_HAND) -> int:
    """HOLD, RELEASE or CANCEL these rows; how many were moved, or asked for. `words`: why they were cancelled."""
    found = _locked(tx, ids)
    moved = [row for row in found if row.state is not State.INFLIGHT and advance(row.state, event) is not None]
    for state in {row.state for row in moved}:
        _save(tx, event, state, [row for row in moved if row.state is state], now, words)
    _correct_flows(tx, event, moved)
    counters.add(tx, _counted(event, moved))
    return len(moved) + _ask(tx, event, [row for row in found if row.state is State.INFLIGHT])


def hurry(tx: Connection, ids: Collection[int], now: datetime) -> int:
    """Queued rows that wait for their next attempt are due now; how many did wait."""
    waiting = [row for row in _locked(tx, ids) if row.state is State.QUEUED and row.due > now]
    if waiting:
        tx.execute(update(recipients).where(recipients.c.id.in_([row.id for row in waiting])).values(due=now))
        flows.refresh(tx, dict.fromkeys((row.flow_id for row in waiting), 0))
    return len(waiting)


def stop(tx: Connection, flow_ids: Collection[int], now: datetime) -> None:
    """Nothing is claimed from these flows for a minute, so that a hold of a million rows acts at once."""
    _mark(tx, flow_ids, to_microseconds(now + STOP))


def go_on(tx: Connection, flow_ids: Collection[int]) -> None:
    """The hold is through; rows that are queued in these flows from now on are sent."""
    _mark(tx, flow_ids, None)


def asked_of(connection: Connection, worker: int) -> dict[Event, list[int]]:
    """The rows in this incarnation's hands that an operator wants back, by what is to become of them."""
    wanted = select(recipients.c.id, recipients.c.asked).where(
        recipients.c.claimed_by == worker, INFLIGHT, recipients.c.asked.is_not(None)
    )
    found: dict[Event, list[int]] = {}
    for row in connection.execute(wanted.order_by(recipients.c.id)):
        found.setdefault(Event(row.asked), []).append(row.id)
    return found


def _mark(tx: Connection, flow_ids: Collection[int], until: int | None) -> None:
    if flow_ids:
        tx.execute(_STOP, [{"flow": flow, "until": until} for flow in sorted(flow_ids)])


def _locked(tx: Connection, ids: Collection[int]) -> list[Row[Any]]:
    wanted = (
        select(
            recipients.c.id, recipients.c.flow_id, recipients.c.state, recipients.c.due, recipients.c.asked,
            messages.c.campaign_id,
        )
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(recipients.c.id.in_(sorted(ids)))
        .order_by(recipients.c.id)
        .with_for_update(of=recipients)
    )  # fmt: skip
    return list(tx.execute(wanted))


def _save(tx: Connection, event: Event, state: State, rows: Sequence[Row[Any]], now: datetime, words: str) -> None:
    target = advance(state, event)
    assert target is not None
    values: dict[str, Any] = {"state": target, "asked": None}
    if target in FINAL:
        values |= {"settled_at": now, "last_words": words}
    mine = update(recipients).where(recipients.c.id.in_([row.id for row in rows]), recipients.c.state == state)
    tx.execute(mine.values(values))


def _correct_flows(tx: Connection, event: Event, moved: Sequence[Row[Any]]) -> None:
    queued, held = Counter[int](), Counter[int]()
    for row in moved:
        for state, change in ((row.state, -1), (advance(row.state, event), 1)):
            queued[row.flow_id] += change if state is State.QUEUED else 0
            held[row.flow_id] += change if state is State.HELD else 0
    flows.refresh(tx, queued, held)


def _counted(event: Event, moved: Sequence[Row[Any]]) -> dict[counters.Key, int]:
    """Queued rows have no counter: they are what is left."""
    changes: Counter[counters.Key] = Counter()
    for row in moved:
        for state, change in ((row.state, -1), (advance(row.state, event), 1)):
            if row.campaign_id is not None and state is not None and state is not State.QUEUED:
                changes["campaign", row.campaign_id, f"state.{state.value}"] += change
    return dict(changes)


def _ask(tx: Connection, event: Event, rows: Sequence[Row[Any]]) -> int:
    wish = None if event is Event.RELEASE else event.value
    # Who was asked to end a row is not asked to keep it.
    asked = [row.id for row in rows if row.asked not in (wish, Event.CANCEL.value)]
    if asked:
        mine = update(recipients).where(recipients.c.id.in_(asked), recipients.c.state == State.INFLIGHT)
        tx.execute(mine.values(asked=wish))
    return len(asked)
