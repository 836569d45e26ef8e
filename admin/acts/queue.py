"""The queue in an operator's hands: rows listed and shown, tried again, held, released, cancelled, counted by age (O1).

An action goes over its rows in transactions of at most 200 and says after each how far it is. It may be given again:
what is done already is not done twice. A hold or cancel of whole flows stops them first, so that a million rows stand
still at once while they are gone over; rows that a campaign makes later are not held, it is paused for that. Crash
case: killed in between, whole batches are done; stopped flows go on by themselves within a minute, and the same command
again finishes. Raises RefusedError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from policy.lifecycle import Event, State
from store import attempts, hand, mailboxes, queue_rows, queue_shape
from store.queue_rows import After, Choice

AT_ONCE: Final = 10_000  # rows that one request of the API goes over
_PARTS: Final = 10  # of one page: with a filter that no index knows a part may be empty
_AGAIN: Final = timedelta(seconds=10)  # how often a long hold stops its flows anew

# Rows in flight first, so that they are asked for while the others are moved, and last: who was claimed meanwhile.
_STEPS: Final[Mapping[str, tuple[State, ...]]] = {
    "retry": (State.QUEUED,),
    "hold": (State.INFLIGHT, State.QUEUED, State.INFLIGHT),
    "release": (State.INFLIGHT, State.HELD),
    "cancel": (State.INFLIGHT, State.QUEUED, State.HELD, State.INFLIGHT),
}
ACTIONS: Final = tuple(_STEPS)
_EVENTS: Final = {"hold": Event.HOLD, "release": Event.RELEASE, "cancel": Event.CANCEL}
_WAITING: Final = (State.INFLIGHT, State.QUEUED, State.HELD)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person names: `state` a word of policy/lifecycle, `everything` where no filter is meant."""

    project: int | None
    campaign: int | None = None
    site: str | None = None
    source: str | None = None
    address: str | None = None
    state: str | None = None
    rows: tuple[int, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """`changed` rows so far; `looked` of about `of` were gone over."""

    changed: int
    looked: int
    of: int


@dataclass(frozen=True, slots=True)
class RowLine:
    id: int
    stream: str
    stream_id: int
    site: str
    address: str
    state: str
    asked: str | None
    due: datetime
    attempts: int
    queued_at: datetime
    source: str | None
    code: int | None
    words: str | None


@dataclass(frozen=True, slots=True)
class RowPage:
    items: list[RowLine]
    next: str | None


@dataclass(frozen=True, slots=True)
class RowView:
    """One row whole: where it stands, what is sent, and every attempt with its transcript where it was no 250."""

    id: int
    address: str
    state: str
    asked: str | None
    queued_at: datetime
    due: datetime
    attempts: int
    source: str | None
    code: int | None
    words: str | None
    reason: str | None
    settled_at: datetime | None
    recipe: dict[str, Any]
    log: list[dict[str, Any]]


def page(office: Office, asked: Asked, cursor: str | None, limit: int) -> RowPage:
    """Rows by flow and due time; without a state, all that wait: in flight, queued, held."""
    choice, states = _choice(asked), _states(asked)
    at, after = _read_cursor(cursor, len(states))
    lines: list[queue_rows.Line] = []
    with office.read() as connection:
        try:
            for _ in range(_PARTS):
                if at >= len(states) or len(lines) >= limit:
                    break
                found = queue_rows.part(connection, choice, states[at], after, limit - len(lines))
                lines += found.lines
                at, after = (at, found.after) if found.after else (at + 1, After())
        except LookupError as error:
            raise InvalidError(str(error)) from error
    following = None if at >= len(states) else f"{at}.{after.flow}.{after.due}.{after.row}"
    return RowPage([_line(one) for one in lines], following)


def show(office: Office, project: int | None, row: int) -> RowView:
    with office.read() as connection:
        found = queue_rows.whole(connection, project, row)
    if found is None:
        raise NotFoundError(f"there is no ledger row {row}")
    with office.stores.events.database.read() as events:
        made = attempts.of_recipient(events, row)
    recipe = {
        "kind": found.kind, "message": found.message_id, "campaign": found.campaign_id,
        "content_version": found.content_version, "connection": found.connection_id,
        "reverse_path": found.reverse_path, "message_id": found.message_name, "size_bytes": found.size_bytes,
        "site": found.site, "retry": found.retry, "pool": found.pool,
    }  # fmt: skip
    return RowView(
        found.id, found.address, found.state.value, found.asked, found.queued_at, found.due, found.attempts,
        found.last_source, found.last_code, found.last_words, found.reason.value if found.reason else None,
        found.settled_at, recipe, [_attempt(one) for one in made],
    )  # fmt: skip


def shape(office: Office, asked: Asked, by: str = "site") -> list[queue_shape.Ages]:
    """Rows by age, queued ones unless a state is asked for; `by` is one of queue_shape.GROUPS."""
    if by not in queue_shape.GROUPS:
        raise InvalidError(f"by {by!r}: rows are grouped by {', '.join(queue_shape.GROUPS)}")
    state = None if asked.state is None else _states(asked)[0]
    if state not in (None, *queue_shape.SHOWN):
        shown = ", ".join(one.value for one in queue_shape.SHOWN)
        raise InvalidError(f"state {asked.state!r}: ages are counted of rows that are {shown}")
    choice = _choice(asked)
    which = queue_shape.Which(choice.project, choice.campaign, choice.site, choice.source, state)
    with office.read() as connection:
        return queue_shape.ages(connection, which, by, office.now())


def act(office: Office, action: str, asked: Asked) -> Iterator[Progress]:
    """Do it, batch by batch; the last Progress is the whole. Raises RefusedError before the first."""
    choice = _choice(asked)
    if not asked.everything and choice == Choice(project=asked.project) and asked.state is None:
        raise InvalidError(f"{action} what? name rows, a campaign, site, source, address or state, or say: all of them")
    wanted = _states(asked)
    steps = [step for step in _STEPS[action] if step in wanted]
    if not steps:
        could = ", ".join(sorted({step.value for step in _STEPS[action]}))
        raise InvalidError(f"{action} acts on rows that are {could}, not {asked.state}")
    return _batches(office, action, choice, steps)


def act_at_once(office: Office, action: str, asked: Asked) -> tuple[int, bool]:
    """As much as one request may do: the rows changed, and whether it must be asked again for the rest."""
    changed = 0
    for progress in act(office, action, asked):
        changed = progress.changed
        if progress.looked >= AT_ONCE:
            return changed, True
    return changed, False


def _batches(office: Office, action: str, choice: Choice, steps: list[State]) -> Iterator[Progress]:
    stopping = choice.whole_flows and State.QUEUED in steps and action in ("hold", "cancel")
    with office.read() as connection:
        of = sum(queue_rows.waiting(connection, choice, step) for step in steps if step is not State.INFLIGHT)
    stopped_at = _stop(office, choice, office.now()) if stopping else None
    changed = looked = 0
    for step in steps:
        after: After | None = After()
        while after is not None:
            if stopped_at is not None and office.now() - stopped_at > _AGAIN:
                stopped_at = _stop(office, choice, office.now())
            with office.read() as connection:
                part = queue_rows.part(connection, choice, step, after, hand.BATCH)
            after, ids = part.after, [line.id for line in part.lines]
            changed += _apply(office, action, ids) if ids else 0
            looked += len(ids)
            yield Progress(changed, looked, max(of, looked))
    if stopping:
        _go_on(office, choice)


def _apply(office: Office, action: str, ids: list[int]) -> int:
    now = office.now()
    if action == "retry":
        return office.write(lambda tx: hand.hurry(tx, ids, now))
    return office.write(lambda tx: hand.move(tx, _EVENTS[action], ids, now))


def _stop(office: Office, choice: Choice, now: datetime) -> datetime:
    for ids in _flows(office, choice):
        office.write(partial(hand.stop, flow_ids=ids, now=now))
    return now


def _go_on(office: Office, choice: Choice) -> None:
    """Of all flows that were stopped: those that are empty by now too."""
    with office.read() as connection:
        ids = queue_rows.stopped(connection, choice)
    for start in range(0, len(ids), hand.BATCH):
        office.write(partial(hand.go_on, flow_ids=ids[start : start + hand.BATCH]))


def _flows(office: Office, choice: Choice) -> Iterator[list[int]]:
    last = 0
    while True:
        with office.read() as connection:
            ids = queue_rows.flow_ids(connection, choice, last, hand.BATCH)
        if not ids:
            return
        yield ids
        last = ids[-1]


def _choice(asked: Asked) -> Choice:
    key = None
    if asked.address is not None and (key := mailboxes.address_key(asked.address)) is None:
        raise InvalidError(f"{asked.address!r} is no address")
    site = asked.site.lower() if asked.site else None
    return Choice(asked.project, asked.campaign, site, asked.source, key, tuple(asked.rows))


def _states(asked: Asked) -> tuple[State, ...]:
    if asked.state is None:
        return _WAITING
    try:
        return (State(asked.state),)
    except ValueError as error:
        known = ", ".join(state.value for state in State)
        raise InvalidError(f"state {asked.state!r} is none; the states are {known}") from error


def _read_cursor(cursor: str | None, states: int) -> tuple[int, After]:
    if not cursor:
        return 0, After()
    pieces = cursor.split(".")
    if len(cursor) > 80 or len(pieces) != 4 or not all(one.isascii() and one.isdigit() for one in pieces):
        raise InvalidError("cursor is none that a page gave as `next`; leave it out for the first page")
    at, flow, due, row = (int(one) for one in pieces)
    if at >= states or max(flow, due, row) >= 2**62:
        raise InvalidError("cursor is none that a page gave as `next`; leave it out for the first page")
    return at, After(flow, due, row)


def _line(row: queue_rows.Line) -> RowLine:
    return RowLine(
        row.id, row.stream, row.stream_id, row.site, row.address, row.state.value, row.asked, row.due, row.attempts,
        row.queued_at, row.source, row.code, row.words,
    )  # fmt: skip


def _attempt(one: attempts.Attempt) -> dict[str, Any]:
    return {
        "at": one.at, "source": one.source, "host": one.host, "tls": one.tls, "code": one.code, "words": one.words,
        "milliseconds": one.milliseconds, "transcript": one.transcript,
    }  # fmt: skip
