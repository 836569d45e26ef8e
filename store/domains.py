"""Domains and what each may do (PRODUCT D1, D5); their DKIM keys are in store/dkim.py.

Called by admin; mta reads `find` for what is ours. Functions run in the caller's transaction on `core`. A name that
any project has raises TakenError: only its project can use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from store import dkim
from store.columns import from_microseconds, to_microseconds
from store.dkim import DkimKey, KeyState
from store.projects import TakenError
from store.schema import domains

STATES: Final = ("owned", "sending", "linked")


@dataclass(frozen=True, slots=True)
class Domain:
    """`name` in lower case, A-labels."""

    id: int
    project: int
    name: str
    ownership_token: str
    owned: bool
    sending: bool
    linked: bool
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What the last check found, and when the next is; `failing_since` of each state that is to be taken back."""

    findings: list[dict[str, Any]] | None
    checked_at: datetime | None
    next_check: datetime | None
    checks: int
    failing_since: Mapping[str, datetime]


def create(
    tx: Connection, project: int, name: str, ownership_token: str, keys: Iterable[DkimKey], now: datetime
) -> Domain:
    if find(tx, name) is not None:
        raise TakenError(f"domain {name} is here already; a domain belongs to one project")
    values = {"project_id": project, "name": name, "ownership_token": ownership_token, "created_at": now}
    states = dict.fromkeys(STATES, False)
    unchecked = {"by_hand": False, "failing_since": {}, "next_check": now}
    made = tx.execute(insert(domains).values(values | states | unchecked).returning(domains.c.id)).scalar_one()
    dkim.add(tx, made, keys, KeyState.ACTIVE, now)
    return Domain(made, project, name, ownership_token, **states)


def find(tx: Connection, name: str) -> Domain | None:
    """Of whatever project."""
    row = tx.execute(select(domains).where(domains.c.name == name)).one_or_none()
    return None if row is None else _domain(row)


def holding(tx: Connection, name: str) -> Domain | None:
    """The domain of ours that the name is or is in."""
    labels = name.split(".")
    names = (".".join(labels[at:]) for at in range(max(0, len(labels) - 8), len(labels) - 1))
    return next((found for one in names if (found := find(tx, one)) is not None), None)


def get(tx: Connection, project: int, name: str) -> Domain | None:
    """Of this project alone."""
    found = find(tx, name)
    return found if found is not None and found.project == project else None


def page(tx: Connection, project: int, after: int, limit: int) -> list[Domain]:
    mine = select(domains).where(domains.c.project_id == project, domains.c.id > after)
    return [_domain(row) for row in tx.execute(mine.order_by(domains.c.id).limit(limit))]


def owned_but_unable(tx: Connection, limit: int) -> list[Domain]:
    """Of all projects: proved to be theirs, and unable to send."""
    wanted = select(domains).where(domains.c.owned, ~domains.c.sending).order_by(domains.c.id).limit(limit)
    return [_domain(row) for row in tx.execute(wanted)]


def set_states(tx: Connection, domain: int, states: Mapping[str, bool]) -> None:
    """By hand: set those of STATES that are named, and let no check change any. KeyError for another name."""
    unknown = set(states) - set(STATES)
    if unknown:
        raise KeyError(f"a domain has no state {', '.join(sorted(unknown))}")
    if states:
        tx.execute(update(domains).where(domains.c.id == domain).values(**states, by_hand=True))


def follow_checks(tx: Connection, domain: int, now: datetime) -> None:
    """The states are the checks' again, from the next one on, which is now."""
    tx.execute(update(domains).where(domains.c.id == domain).values(by_hand=False, next_check=now))


def checked(tx: Connection, domain: int) -> Checked:
    row = tx.execute(select(domains).where(domains.c.id == domain)).one()
    since = {state: from_microseconds(moment) for state, moment in row.failing_since.items()}
    return Checked(row.findings, row.checked_at, row.next_check, row.checks, since)


def save_check(tx: Connection, domain: int, states: Mapping[str, bool], check: Checked) -> None:
    """What a check found; `states` are left where the operator holds them."""
    since = {state: to_microseconds(moment) for state, moment in check.failing_since.items()}
    values = {
        "findings": check.findings, "checked_at": check.checked_at, "next_check": check.next_check,
        "checks": check.checks, "failing_since": since,
    }  # fmt: skip
    mine = update(domains).where(domains.c.id == domain)
    tx.execute(mine.values(values))
    tx.execute(mine.where(~domains.c.by_hand).values(dict(states)))


def due_for_check(tx: Connection, now: datetime, limit: int) -> list[Domain]:
    """Those whose check is due, the longest waiting first; none whose states the operator holds."""
    wanted = (
        select(domains)
        .where(domains.c.next_check <= now, ~domains.c.by_hand)
        .order_by(domains.c.next_check, domains.c.id)
    )
    return [_domain(row) for row in tx.execute(wanted.limit(limit))]


def _domain(row: Row[Any]) -> Domain:
    return Domain(
        row.id, row.project_id, row.name, row.ownership_token, row.owned, row.sending, row.linked, row.by_hand
    )
