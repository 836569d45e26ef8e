"""Projects and the plan of each (PRODUCT P1, P2).

Called by admin. Every function runs in the caller's transaction on `core`; a name taken raises TakenError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from store.schema import plans, projects

_PLANS: Final = {True: "campaigns", False: "free"}


class TakenError(Exception):
    """What was to be made exists already; the text names it."""


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: str
    campaigns_allowed: bool


_COLUMNS: Final = select(projects.c.id, projects.c.name, plans.c.campaigns_allowed).join_from(projects, plans)


def create(tx: Connection, name: str, campaigns_allowed: bool, now: datetime) -> Project:
    if find(tx, name) is not None:
        raise TakenError(f"a project named {name!r} exists already; names are for one project each")
    plan = _plan(tx, campaigns_allowed)
    made = tx.execute(insert(projects).values(name=name, plan_id=plan, created_at=now).returning(projects.c.id))
    return Project(made.scalar_one(), name, campaigns_allowed)


def _plan(tx: Connection, campaigns_allowed: bool) -> int:
    name = _PLANS[campaigns_allowed]
    found = tx.execute(select(plans.c.id).where(plans.c.name == name)).scalar_one_or_none()
    if found is not None:
        return int(found)
    made = tx.execute(insert(plans).values(name=name, campaigns_allowed=campaigns_allowed).returning(plans.c.id))
    return int(made.scalar_one())


def find(tx: Connection, name: str) -> Project | None:
    row = tx.execute(_COLUMNS.where(projects.c.name == name)).one_or_none()
    return None if row is None else _project(row)


def get(tx: Connection, project: int) -> Project | None:
    row = tx.execute(_COLUMNS.where(projects.c.id == project)).one_or_none()
    return None if row is None else _project(row)


def allow_campaigns(tx: Connection, project: int, allowed: bool) -> Project:
    plan = _plan(tx, allowed)
    tx.execute(update(projects).where(projects.c.id == project).values(plan_id=plan))
    return _project(tx.execute(_COLUMNS.where(projects.c.id == project)).one())


def page(tx: Connection, after: int, limit: int) -> list[Project]:
    """Those with a larger id than `after`, in order of id."""
    rows = tx.execute(_COLUMNS.where(projects.c.id > after).order_by(projects.c.id).limit(limit))
    return [_project(row) for row in rows]


def _project(row: Any) -> Project:
    return Project(row.id, row.name, row.campaigns_allowed)
