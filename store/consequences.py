"""What came of a message changes what we hold of its client: the one funnel of ratings and consent.

Wire answers (store/ledger.settle), DSNs, complaints, unsubscribes and replies (the sorter) all end here, each in one
core transaction. Idempotent: the ledger of ratings has one row for each client and cause, so a report that is read
again after a crash changes nothing. A remote DSN about a submitted message also becomes one of ours to who submitted
it (store/reports.py). Crash case: killed between this commit and the mark that the arrival is sorted,
the sorter reads the arrival again and finds its cause already there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from mail.outcome import Action, Effect, Outcome, Reason
from policy.lifecycle import Event, State, advance
from policy.rating import after, revived
from policy.sites import provider_of
from store import breakers, counters, list_ratings, reports
from store import flows as flow_rows
from store.columns import to_microseconds
from store.prepared import Prepared
from store.schema import campaigns, clients, connections, flows, messages, rating_changes, recipients

_CLIENT = Prepared(
    select(clients.c.id).where(
        clients.c.project_id == bindparam("of_project"), clients.c.address_key == bindparam("of_key")
    )
)
_WITHDRAW = text(
    "INSERT INTO suppressions (project_id, client_id, list_id, kind, recipient_id, at) "
    "VALUES (:project_id, :client_id, :list_id, :kind, :recipient_id, :at) "
    "ON CONFLICT (client_id, list_id, kind) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who, and what told us: the ledger row, the arrival where it came by mail, the reason and the host's words."""

    project_id: int
    client_id: int
    recipient_id: int | None
    arrival_id: int | None
    reason: Reason | None
    words: str
    code: int | None = None
    status: str = ""
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What the funnel needs of a ledger row."""

    recipient_id: int
    flow_id: int
    state: State
    project_id: int
    campaign_id: int | None
    client_id: int | None
    address: str
    sender_id: int | None
    site: str

    @property
    def about(self) -> breakers.About:
        return breakers.About(self.project_id, self.sender_id, self.campaign_id, provider_of(self.site))


def judge(tx: Connection, cause: Cause, effect: Effect, now: datetime) -> bool:
    """Apply a BLOCK, FULL or COMPLAINT to the rating; False where this cause has been counted already."""
    key = f"{effect.value}:{cause.recipient_id}" if cause.recipient_id is not None else f"arrival:{cause.arrival_id}"
    before = _rating(tx, cause.client_id)
    return _change(tx, cause, effect.value, key, before, after(before, effect), now)


def row_of(tx: Connection, recipient_id: int) -> Row | None:
    """The ledger row behind a token, locked; None where it has left or never was."""
    wanted = (
        select(
            recipients.c.id, recipients.c.flow_id, recipients.c.state, messages.c.project_id, messages.c.campaign_id,
            recipients.c.client_id, recipients.c.address,
            func.coalesce(campaigns.c.sender_id, connections.c.sender_id), flows.c.site,
        )
        .join(messages, messages.c.id == recipients.c.message_id)
        .join(flows, flows.c.id == recipients.c.flow_id)
        .outerjoin(campaigns, campaigns.c.id == messages.c.campaign_id)
        .outerjoin(connections, connections.c.id == messages.c.connection_id)
        .where(recipients.c.id == recipient_id)
        .with_for_update(of=recipients)
    )  # fmt: skip
    found = tx.execute(wanted).first()
    return None if found is None else Row(*found)


def apply_report(tx: Connection, recipient_id: int, outcome: Outcome, arrival_id: int, now: datetime) -> bool:
    """A DSN about a message of ours: the row BOUNCED and the rating judged, if it says failed and is the first.

    It may come before our own 250 is settled; the row then is BOUNCED and the settlement finds it so. False where it
    changed nothing: a delay, a repeated report, a row that is gone.
    """
    row = row_of(tx, recipient_id)
    if row is None or outcome.action is not Action.FAILED:
        return False
    moved = _bounce(tx, row, outcome, now)
    counted = False
    if row.client_id is not None and outcome.effect in (Effect.BLOCK, Effect.FULL):
        cause = Cause(
            row.project_id, row.client_id, recipient_id, arrival_id, outcome.reason, outcome.text,
            outcome.code, outcome.status, outcome.explained,
        )  # fmt: skip
        counted = judge(tx, cause, outcome.effect, now)
    return moved or counted


def complaint(tx: Connection, recipient_id: int, arrival_id: int, now: datetime) -> bool:
    """The client called it spam: rating 1 and no consent, which no reply gives back."""
    row = row_of(tx, recipient_id)
    if row is None or row.client_id is None:
        return False
    cause = Cause(row.project_id, row.client_id, recipient_id, arrival_id, Reason.FEEDBACK, "complaint")
    counted = judge(tx, cause, Effect.COMPLAINT, now)
    withdraw(tx, row.project_id, row.client_id, 0, "complained", recipient_id, now)
    if counted:
        changes = breakers.complained(row.about, now)
        if row.campaign_id is not None:
            changes["campaign", row.campaign_id, "complaints"] += 1
        counters.add(tx, changes)
    return counted


def withdraw(
    tx: Connection, project_id: int, client_id: int, list_id: int, kind: str, recipient_id: int | None, now: datetime
) -> bool:
    """Consent withdrawn (`kind` unsubscribed or complained) for a list, or for everything with list_id 0."""
    shared = {"project_id": project_id, "client_id": client_id, "list_id": list_id}
    return (
        tx.execute(
            _WITHDRAW, {**shared, "kind": kind, "recipient_id": recipient_id, "at": to_microseconds(now)}
        ).rowcount
        == 1
    )


def unsubscribe(tx: Connection, recipient_id: int, list_id: int, now: datetime) -> bool:
    """One click, or a mail to the unsubscribe address; the rating stays. False where nothing changed."""
    row = row_of(tx, recipient_id)
    if row is None or row.client_id is None:
        return False
    changed = withdraw(tx, row.project_id, row.client_id, list_id, "unsubscribed", recipient_id, now)
    if changed:
        changes = breakers.unsubscribed(row.about, now)
        if row.campaign_id is not None:
            changes["campaign", row.campaign_id, "unsubscribes"] += 1
        counters.add(tx, changes)
    return changed


def reply(tx: Connection, project_id: int, client_id: int, arrival_id: int, now: datetime) -> bool:
    """A person wrote: the address is alive, rating 10 (R4). Consent stays as it is. Once for each arrival."""
    cause = Cause(project_id, client_id, None, arrival_id, None, "a person's mail")
    return _change(tx, cause, "reply", f"reply:{arrival_id}", _rating(tx, client_id), revived(), now)


def by_hand(tx: Connection, project_id: int, client_id: int, rating: int, who: str, now: datetime) -> bool:
    """An operator's or owner's own judgement, in the same ledger."""
    cause = Cause(project_id, client_id, None, None, None, f"by {who}")
    return _change(tx, cause, "hand", f"hand:{to_microseconds(now)}", _rating(tx, client_id), rating, now)


def client_by_address(tx: Connection, project_id: int, address_key: str) -> int | None:
    """The client of a project with this normalised address."""
    found = _CLIENT.row(tx, of_project=project_id, of_key=address_key)
    return None if found is None else int(found[0])


def _bounce(tx: Connection, row: Row, outcome: Outcome, now: datetime) -> bool:
    target = advance(row.state, Event.DSN_FAILED)
    if target is None:
        return False
    tx.execute(
        update(recipients)
        .where(recipients.c.id == row.recipient_id)
        .values(
            state=target, claimed_by=None, asked=None, last_code=outcome.code, last_words=outcome.text or None,
            reason=outcome.reason, settled_at=now,
        )
    )  # fmt: skip
    if row.state is State.QUEUED:
        flow_rows.refresh(tx, {row.flow_id: -1})
    elif row.state is State.HELD:
        flow_rows.refresh(tx, {}, {row.flow_id: -1})
    changes = breakers.bounced(row.about, now) if outcome.effect is Effect.BLOCK else Counter[counters.Key]()
    if row.campaign_id is not None:
        names = Counter([f"state.{target.value}", f"reason.{target.value}.{outcome.reason.value}"])
        if row.state in (State.DELIVERED, State.HELD):
            names[f"state.{row.state.value}"] = -1
        for name, change in names.items():
            changes["campaign", row.campaign_id, name] = change
    counters.add(tx, changes)
    told = reports.Told(row.recipient_id, Action.FAILED, Event.DSN_FAILED, outcome.code, outcome.text)
    reports.tell(tx, [] if row.campaign_id is not None else [told], now)
    return True


def _rating(tx: Connection, client_id: int) -> int:
    return int(tx.execute(select(clients.c.rating).where(clients.c.id == client_id).with_for_update()).scalar_one())


def _change(tx: Connection, cause: Cause, kind: str, key: str, before: int, rating: int, now: datetime) -> bool:
    known = select(rating_changes.c.id).where(
        rating_changes.c.client_id == cause.client_id, rating_changes.c.cause_key == key
    )
    if tx.execute(known).first() is not None:
        return False
    tx.execute(
        insert(rating_changes).values(
            project_id=cause.project_id, client_id=cause.client_id, before=before, after=rating, cause=kind,
            reason=cause.reason, words=cause.words[:1000], code=cause.code, status=cause.status or None,
            explained=cause.explained, recipient_id=cause.recipient_id,
            arrival_id=cause.arrival_id, at=now, cause_key=key,
        )
    )  # fmt: skip
    tx.execute(update(clients).where(clients.c.id == cause.client_id).values(rating=rating))
    list_ratings.changed(tx, cause.client_id, before, rating)
    return True
