"""Our own DSNs: who submitted a message hears once what became of each recipient (RFC 3464, RFC 3461 §6).

A DSN is a message of the kind "dsn" with the null reverse-path, a row of its own and no bytes: mta/outbound/compose
makes them when it is sent, from the header of the original and what stands here. Never for campaigns, which have their
report, and never for a message with a null reverse-path, so never about a DSN. The sender is the connection's own, who
signed in, the mailbox that an answer is from, or the SRS address of a proved sender whose mail was sent on, so nobody
else gets one (backscatter).
Crash case: called in the transaction that ends the row (settlement) or takes its 250 back (a remote DSN), so both are
there or neither; killed before, the row is settled again and the DSN queued then; the key (recipient, action) keeps it
single.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select

from mail.address import parse_mailbox
from mail.outcome import Action
from policy.lifecycle import Event
from store import flows, new_rows, onward, sites
from store.connections import SUBMISSION
from store.injection import ANSWER
from store.new_rows import NewRow
from store.schema import flows as flows_table
from store.schema import messages, recipients, reports

KIND: Final = "dsn"
_SUBMITTED: Final = (messages.c.kind == "submission") & messages.c.connection_id.is_not(None)
# To an address that we signed for a proved sender; where there is none, nobody is told (policy/forwarding.py).
_SENT_ON: Final = (messages.c.kind == onward.KIND) & messages.c.reverse_path.not_like("@%")
_ANSWERED: Final = messages.c.kind == ANSWER
CLASS: Final = "transactional"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a row: FAILED for good or DELAYED, by which event, with the host's words."""

    recipient_id: int
    action: Action
    event: Event
    code: int | None
    words: str


def tell(tx: Connection, told: Sequence[Told], now: datetime) -> int:
    """Queue one DSN for each message and action among these; how many. What no program submitted is passed over."""
    if not told:
        return 0
    by_row = {one.recipient_id: one for one in told}
    groups: dict[tuple[int, Action], list[Row[Any]]] = {}
    known = _known(tx, list(by_row))
    for row in tx.execute(_submitted(list(by_row))):
        action = by_row[row.id].action
        # Who waits for a code or a receipt has gone by the time that a warning would come.
        worth = action is Action.FAILED or row.retry == SUBMISSION
        if worth and (row.id, action.value) not in known:
            groups.setdefault((row.message_id, action), []).append(row)
    for rows in groups.values():
        _queue(tx, rows, [by_row[row.id] for row in rows], now)
    return len(groups)


def _known(tx: Connection, ids: list[int]) -> set[tuple[int, str]]:
    wanted = select(reports.c.recipient_id, reports.c.action).where(reports.c.recipient_id.in_(ids))
    return {(row.recipient_id, row.action) for row in tx.execute(wanted)}


def _submitted(ids: list[int]) -> Any:
    return (
        select(
            recipients.c.id, recipients.c.message_id, messages.c.project_id, messages.c.connection_id,
            messages.c.reverse_path, flows_table.c.pool,
            flows_table.c["class"].label("retry"),
        )
        .join(messages, messages.c.id == recipients.c.message_id)
        .join(flows_table, flows_table.c.id == recipients.c.flow_id)
        .where(recipients.c.id.in_(ids), or_(_SUBMITTED, _ANSWERED, _SENT_ON))
        .where(messages.c.reverse_path != "")
        .order_by(recipients.c.id)
    )  # fmt: skip


def _queue(tx: Connection, rows: Sequence[Row[Any]], told: Sequence[Told], now: datetime) -> None:
    about = rows[0]
    saved = insert(messages).values(
        project_id=about.project_id, kind=KIND, connection_id=about.connection_id, reverse_path="", created_at=now
    )
    message = int(tx.execute(saved.returning(messages.c.id)).scalar_one())
    tx.execute(
        insert(reports),
        [
            {
                "message_id": message, "recipient_id": one.recipient_id, "action": one.action.value,
                "event": one.event.value, "code": one.code, "words": one.words, "at": now,
            }
            for one in told
        ],
    )  # fmt: skip
    kind, source = (KIND, about.connection_id) if about.connection_id else (onward.KIND, about.project_id)
    stream = flows.Stream(about.project_id, kind, source, CLASS, about.pool)
    flow = sites.flow_to(tx, stream, parse_mailbox(about.reverse_path).ascii_domain)
    new_rows.add(tx, [NewRow(flow, message, None, about.reverse_path)], now)
