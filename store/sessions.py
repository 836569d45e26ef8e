"""Who is signed in to the panel: the keyed hash of a cookie, whose it is, and until when (PRODUCT P4).

Called by admin/acts/signing.py. A session lives while it is used: `seen` moves its end, never beyond LONGEST.
Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from store.schema import sessions

IDLE: Final = timedelta(hours=12)
LONGEST: Final = timedelta(days=7)
UNCONFIRMED: Final = timedelta(minutes=10)  # between the password and the second factor


@dataclass(frozen=True, slots=True)
class Session:
    """Not `confirmed`: the password was right, the second factor is still asked."""

    id: int
    person: int
    confirmed: bool
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


_COLUMNS: Final = (
    sessions.c.id, sessions.c.person_id, sessions.c.confirmed, sessions.c.agent,
    sessions.c.created_at, sessions.c.seen_at, sessions.c.expires_at,
)  # fmt: skip


def begin(tx: Connection, person: int, token_hash: bytes, confirmed: bool, agent: str, now: datetime) -> None:
    values = {
        "person_id": person, "token_hash": token_hash, "confirmed": confirmed, "agent": agent, "created_at": now,
        "seen_at": now, "expires_at": now + (IDLE if confirmed else UNCONFIRMED),
    }  # fmt: skip
    tx.execute(insert(sessions).values(values))


def find(tx: Connection, token_hash: bytes, now: datetime) -> Session | None:
    """One that has not ended."""
    wanted = select(*_COLUMNS).where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else Session(*row)


def of_person(tx: Connection, person: int, now: datetime) -> list[Session]:
    """Those that have not ended, the newest first."""
    mine = (sessions.c.person_id == person, sessions.c.confirmed, sessions.c.expires_at > now)
    return [Session(*row) for row in tx.execute(select(*_COLUMNS).where(*mine).order_by(sessions.c.id.desc()))]


def seen(tx: Connection, session: Session, now: datetime) -> None:
    ends = min(now + IDLE, session.created_at + LONGEST)
    tx.execute(update(sessions).where(sessions.c.id == session.id).values(seen_at=now, expires_at=ends))


def end(tx: Connection, session: int) -> None:
    tx.execute(delete(sessions).where(sessions.c.id == session))


def end_others(tx: Connection, person: int, kept: int | None) -> int:
    """All of the person's but one; how many."""
    mine = (sessions.c.person_id == person, sessions.c.id != (kept or 0))
    return tx.execute(delete(sessions).where(*mine)).rowcount


def end_one_of(tx: Connection, person: int, session: int) -> bool:
    """Whether the person had it."""
    mine = (sessions.c.person_id == person, sessions.c.id == session)
    return tx.execute(delete(sessions).where(*mine)).rowcount == 1


def forget_ended(tx: Connection, now: datetime) -> None:
    tx.execute(delete(sessions).where(sessions.c.expires_at <= now))
