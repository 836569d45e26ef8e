"""Which ledger rows an operator means, in parts, and one row whole. Reads only; called by admin/acts/queue.

No part scans the ledger: queued and held rows are read by flow (its count says which flows have any), rows in flight by
the index of claims, a client's or a campaign's rows by their own. A part is at most LOOKED rows; those that no index
knows (by source, by final state) are picked out of it, so a part may be short and still have a next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from policy.lifecycle import FINAL, State
from store.columns import from_microseconds, to_microseconds
from store.queue_view import at_site
from store.schema import HELD, HOLDING_FLOW, INFLIGHT, OPEN_FLOW, QUEUED, clients, flows, messages, recipients

LOOKED: Final = 2_000
FLOWS: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """None leaves a filter out; `address` is a normalised one, `rows` are ids, `source` that of the last attempt."""

    project: int | None = None
    campaign: int | None = None
    site: str | None = None
    source: str | None = None
    address: str | None = None
    rows: tuple[int, ...] = ()

    @property
    def whole_flows(self) -> bool:
        return self.source is None and self.address is None and not self.rows


@dataclass(frozen=True, slots=True)
class After:
    """Behind which row a part begins; `due` in microseconds."""

    flow: int = 0
    due: int = 0
    row: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    id: int
    project: int
    stream: str
    stream_id: int
    site: str
    address: str
    state: State
    asked: str | None
    due: datetime
    attempts: int
    queued_at: datetime
    source: str | None
    code: int | None
    words: str | None
    flow: int


@dataclass(frozen=True, slots=True)
class Part:
    """`after` None: this was the last."""

    lines: list[Line]
    after: After | None


_LINE: Select[Any] = select(
    recipients.c.id, flows.c.project_id.label("project"), flows.c.stream, flows.c.stream_id, flows.c.site,
    recipients.c.address, recipients.c.state, recipients.c.asked, recipients.c.due, recipients.c.attempts,
    recipients.c.queued_at,
    recipients.c.last_source.label("source"), recipients.c.last_code.label("code"),
    recipients.c.last_words.label("words"), recipients.c.flow_id.label("flow"),
).join(flows, flows.c.id == recipients.c.flow_id)  # fmt: skip


def part(connection: Connection, choice: Choice, state: State, after: After, limit: int) -> Part:
    """The next rows in this state. Of final states only with a campaign, an address or ids: LookupError without."""
    looked = LOOKED if choice.source is not None or state in FINAL else min(limit, LOOKED)
    found = _reader(choice, state)(connection, choice, state, after, looked)
    wanted = [line for line in found.lines if line.state is state and choice.source in (None, line.source)]
    if len(wanted) > limit:
        return Part(wanted[:limit], _behind(wanted[limit - 1]))
    return replace(found, lines=wanted)


def flow_ids(connection: Connection, choice: Choice, after: int, limit: int) -> list[int]:
    """Flows of the choice with anything queued, by id."""
    wanted = select(flows.c.id).where(OPEN_FLOW, flows.c.id > after, *_of_flows(choice)).order_by(flows.c.id)
    return list(connection.execute(wanted.limit(limit)).scalars())


def stopped(connection: Connection, choice: Choice) -> list[int]:
    """Flows of the choice that a hold has stopped, whatever is left in them."""
    wanted = select(flows.c.id).where(flows.c.stopped_until.is_not(None), *_of_flows(choice)).order_by(flows.c.id)
    return list(connection.execute(wanted).scalars())


def waiting(connection: Connection, choice: Choice, state: State) -> int:
    """How many rows there may be, for a progress bar: the flows' own counts."""
    column = flows.c.held if state is State.HELD else flows.c.queued
    condition = HOLDING_FLOW if state is State.HELD else OPEN_FLOW
    return sum(connection.execute(select(column).where(condition, *_of_flows(choice))).scalars())


def whole(connection: Connection, project: int | None, row: int) -> Row[Any] | None:
    """A ledger row with its message, all columns; None where it is none of this project's."""
    told = [
        messages.c.kind, messages.c.project_id, messages.c.campaign_id, messages.c.content_version,
        messages.c.connection_id, messages.c.reverse_path, messages.c.message_id.label("message_name"),
        messages.c.size_bytes, flows.c.site, flows.c["class"].label("retry"), flows.c.pool,
    ]  # fmt: skip
    wanted = (
        select(recipients, *told)
        .join(messages, messages.c.id == recipients.c.message_id)
        .join(flows, flows.c.id == recipients.c.flow_id)
        .where(recipients.c.id == row)
    )
    if project is not None:
        wanted = wanted.where(messages.c.project_id == project)
    return connection.execute(wanted).first()


_Read = Callable[[Connection, Choice, State, After, int], Part]


def _reader(choice: Choice, state: State) -> _Read:
    if choice.rows or choice.address is not None:
        return _by_row
    if state in FINAL:
        if choice.campaign is None:
            raise LookupError(f"rows that are {state.value} are found by campaign or by address: name one")
        return _by_message
    return _in_flight if state is State.INFLIGHT else _by_flow


def _by_row(connection: Connection, choice: Choice, state: State, after: After, limit: int) -> Part:
    wanted = _LINE
    if choice.rows:
        wanted = wanted.where(recipients.c.id.in_(choice.rows))
    if choice.address is not None:
        known = select(clients.c.id).where(clients.c.address_key == choice.address)
        wanted = wanted.where(recipients.c.client_id.in_(known))
    return _in_order_of_id(connection, wanted.where(*_of_flows(choice)), after, limit)


def _by_message(connection: Connection, choice: Choice, state: State, after: After, limit: int) -> Part:
    known = select(messages.c.id).where(messages.c.campaign_id == choice.campaign)
    return _in_order_of_id(
        connection, _LINE.where(recipients.c.message_id.in_(known), *_of_flows(choice)), after, limit
    )  # fmt: skip


def _in_flight(connection: Connection, choice: Choice, state: State, after: After, limit: int) -> Part:
    # Few are in flight, so they are sorted: by the bare id SQLite would walk the whole ledger for them.
    place = recipients.c.id + 0
    wanted = _LINE.where(INFLIGHT, recipients.c.claimed_by > 0, place > after.row, *_of_flows(choice))
    return _part([_line(row) for row in connection.execute(wanted.order_by(place).limit(limit))], limit)


def _in_order_of_id(connection: Connection, wanted: Select[Any], after: After, limit: int) -> Part:
    rows = connection.execute(wanted.where(recipients.c.id > after.row).order_by(recipients.c.id).limit(limit))
    return _part([_line(row) for row in rows], limit)


def _by_flow(connection: Connection, choice: Choice, state: State, after: After, limit: int) -> Part:
    """One flow that has more than is asked for, or several that have it together."""
    group = _flow_group(connection, choice, state, after, limit)
    if not group:
        return Part([], None)
    condition = HELD if state is State.HELD else QUEUED
    wanted = _LINE.where(condition, recipients.c.flow_id.in_(group))
    if after.row and group == [after.flow]:
        due = from_microseconds(after.due)
        behind = or_(recipients.c.due > due, recipients.c.id > after.row)
        wanted = wanted.where(recipients.c.due >= due, behind)
    order = (recipients.c.flow_id, recipients.c.due, recipients.c.id)
    found = [_line(row) for row in connection.execute(wanted.order_by(*order).limit(limit))]
    if len(found) == limit:
        return Part(found, _behind(found[-1]))
    return Part(found, After(flow=group[-1] + 1))


def _flow_group(connection: Connection, choice: Choice, state: State, after: After, limit: int) -> list[int]:
    count, condition = (flows.c.held, HOLDING_FLOW) if state is State.HELD else (flows.c.queued, OPEN_FLOW)
    wanted = select(flows.c.id, count).where(condition, flows.c.id >= after.flow, *_of_flows(choice))
    group: list[int] = []
    total = 0
    for flow, many in connection.execute(wanted.order_by(flows.c.id).limit(FLOWS)):
        if group and total + many > limit:
            break
        group.append(flow)
        total += many
        if after.row and flow == after.flow:  # the rest of this one first
            break
    return group


def _part(found: Sequence[Line], limit: int) -> Part:
    return Part(list(found), After(row=found[-1].id) if len(found) == limit else None)


def _line(row: Row[Any]) -> Line:
    return Line(**row._mapping)


def _behind(line: Line) -> After:
    return After(line.flow, to_microseconds(line.due), line.id)


def _of_flows(choice: Choice) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if choice.project is not None:
        found.append(flows.c.project_id == choice.project)
    if choice.campaign is not None:
        found.append(and_(flows.c.stream == "campaign", flows.c.stream_id == choice.campaign))
    if choice.site is not None:
        found.append(at_site(choice.site))
    return found
