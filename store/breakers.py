"""The breakers' counters by the hour, and which breakers have tripped.

Counted in the transaction of what is counted: settling (store/ledger.py), reports and complaints
(store/consequences.py), replies (store/sorting.py). Judged by the clock (admin/breaking.py), but for replies and
unsubscribes, which plots show. A counter's scope is "hourly.campaign", "hourly.sender" or "hourly.project"; its name
is "HOUR.KIND.PROVIDER" with the hour in six digits, so that a window is a range of the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, delete, or_, select, text, update

from policy.breaker import Numbers
from store import counters
from store.columns import EPOCH, to_microseconds
from store.schema import breakers, campaigns, projects, senders
from store.schema import counters as counted

SCOPES: Final = ("campaign", "sender", "project")
_HOUR: Final = 3600
_TRIP = text(
    "INSERT INTO breakers (scope, scope_id, verdict, action, reason, tripped_at, until) "
    "VALUES (:scope, :scope_id, :verdict, :action, :reason, :at, :until) ON CONFLICT (scope, scope_id) DO UPDATE SET "
    "verdict = excluded.verdict, action = excluded.action, reason = excluded.reason, "
    "tripped_at = excluded.tripped_at, until = excluded.until"
)


@dataclass(frozen=True, slots=True)
class About:
    """Whose mail, and to which provider."""

    project_id: int
    sender_id: int | None
    campaign_id: int | None
    provider: str


@dataclass(frozen=True, slots=True)
class Hour:
    """What plots show of one hour."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0
    replied: int = 0
    unsubscribed: int = 0

    def __add__(self, other: Hour) -> Hour:
        return Hour(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Tripped:
    scope: str
    scope_id: int
    verdict: str
    action: str
    reason: str
    tripped_at: datetime
    until: datetime | None


def sent(about: About, hard: bool, now: datetime) -> Counter[counters.Key]:
    """A mail that came to its end in the session; `hard`: the address was bad."""
    return _keys(about, ("sent", "bounced") if hard else ("sent",), now)


def bounced(about: About, now: datetime) -> Counter[counters.Key]:
    """A report says so of a mail that was counted as sent before."""
    return _keys(about, ("bounced",), now)


def complained(about: About, now: datetime) -> Counter[counters.Key]:
    return _keys(about, ("complained",), now)


def replied(about: About, now: datetime) -> Counter[counters.Key]:
    """A person answered a mail of theirs."""
    return _keys(about, ("replied",), now)


def unsubscribed(about: About, now: datetime) -> Counter[counters.Key]:
    return _keys(about, ("unsubscribed",), now)


def _keys(about: About, kinds: Sequence[str], now: datetime) -> Counter[counters.Key]:
    ids = (about.campaign_id, about.sender_id, about.project_id)
    return Counter(
        (f"hourly.{scope}", number, f"{_hour(now)}.{kind}.{about.provider or 'default'}")
        for scope, number in zip(SCOPES, ids, strict=True)
        if number is not None
        for kind in kinds
    )


def _hour(moment: datetime) -> str:
    return f"{int(moment.timestamp()) // _HOUR:06d}"


def numbers(connection: Connection, scope: str, scope_id: int, since: datetime) -> dict[str, Numbers]:
    """By provider, of the hours from that of `since` on."""
    found = connection.execute(
        select(counted.c.name, counted.c.value).where(
            counted.c.scope == f"hourly.{scope}", counted.c.scope_id == scope_id, counted.c.name >= _hour(since)
        )
    )
    sums: dict[str, Counter[str]] = {}
    for row in found:
        _, kind, provider = row.name.split(".", 2)
        sums.setdefault(provider, Counter())[kind] += row.value
    return {name: Numbers(kinds["sent"], kinds["bounced"], kinds["complained"]) for name, kinds in sums.items()}


def by_hour(connection: Connection, scope: str, scope_id: int, since: datetime) -> dict[datetime, Hour]:
    """By the hour's beginning, all providers together; hours in which nothing was sent or heard are left out."""
    first = _hour(since)
    found = connection.execute(
        select(counted.c.name, counted.c.value).where(
            counted.c.scope == f"hourly.{scope}", counted.c.scope_id == scope_id, counted.c.name >= first
        )
    )
    sums: dict[int, Counter[str]] = {}
    for row in found:
        hour, kind, _ = row.name.split(".", 2)
        sums.setdefault(int(hour), Counter())[kind] += row.value
    return {EPOCH + timedelta(hours=hour): Hour(**kinds) for hour, kinds in sorted(sums.items())}


def trip(tx: Connection, one: Tripped) -> None:
    tx.execute(
        _TRIP,
        {
            "scope": one.scope, "scope_id": one.scope_id, "verdict": one.verdict, "action": one.action,
            "reason": one.reason, "at": to_microseconds(one.tripped_at),
            "until": None if one.until is None else to_microseconds(one.until),
        },
    )  # fmt: skip


def tripped(connection: Connection, project: int | None = None) -> list[Tripped]:
    """Of all projects, or of one: its own, its senders' and its campaigns'."""
    wanted = select(breakers).order_by(breakers.c.scope, breakers.c.scope_id)
    if project is not None:
        own = {
            "campaign": select(campaigns.c.id).where(campaigns.c.project_id == project),
            "sender": select(senders.c.id).where(senders.c.project_id == project),
        }
        mine = [and_(breakers.c.scope == scope, breakers.c.scope_id.in_(ids)) for scope, ids in own.items()]
        wanted = wanted.where(or_(and_(breakers.c.scope == "project", breakers.c.scope_id == project), *mine))
    return [Tripped(**row._mapping) for row in connection.execute(wanted)]


def names(connection: Connection, of: Sequence[Tripped]) -> dict[tuple[str, int], tuple[str, int]]:
    """What each breaker is of is called, and the project it belongs to; what is gone is left out."""
    columns = {
        "campaign": (campaigns.c.id, campaigns.c.name, campaigns.c.project_id),
        "sender": (senders.c.id, senders.c.address, senders.c.project_id),
        "project": (projects.c.id, projects.c.name, projects.c.id.label("own")),
    }
    found = {}
    for scope, own in columns.items():
        wanted = select(*own).where(own[0].in_([one.scope_id for one in of if one.scope == scope]))
        found.update({(scope, int(row[0])): (str(row[1]), int(row[2])) for row in connection.execute(wanted)})
    return found


def sender_age(connection: Connection, sender_id: int, now: datetime) -> timedelta:
    """How long ago a sender was made."""
    made: datetime = connection.execute(select(senders.c.created_at).where(senders.c.id == sender_id)).scalar_one()
    return now - made


def release(tx: Connection, scopes: Sequence[tuple[str, int]]) -> int:
    """By hand: what tripped there is told but slows nothing any more; how many did."""
    freed = 0
    for scope, number in scopes:
        mine = (breakers.c.scope == scope, breakers.c.scope_id == number, breakers.c.action == "slow")
        freed += tx.execute(update(breakers).where(*mine).values(action="notify", until=None)).rowcount
    return freed


def slowed(connection: Connection, now: datetime) -> frozenset[int]:
    """Campaigns that a breaker of their own, their sender's or their project's slows, before their launch too."""
    held = [one for one in tripped(connection) if one.action == "slow" and (one.until is None or one.until > now)]
    columns = {"campaign": campaigns.c.id, "sender": campaigns.c.sender_id, "project": campaigns.c.project_id}
    found: set[int] = set()
    for one in held:
        open_ones = campaigns.c.state.not_in(["finished", "cancelled"])
        wanted = select(campaigns.c.id).where(columns[one.scope] == one.scope_id, open_ones)
        found.update(connection.execute(wanted).scalars())
    return frozenset(found)


def forget(tx: Connection, now: datetime, keep: timedelta) -> None:
    """Breakers and hours that are older than what is kept; a campaign's hours are its report, and stay with it."""
    old = now - keep
    tx.execute(delete(breakers).where(breakers.c.tripped_at < old))
    scopes = [f"hourly.{scope}" for scope in SCOPES if scope != "campaign"]
    tx.execute(delete(counted).where(counted.c.scope.in_(scopes), counted.c.name < _hour(old)))
    tx.execute(delete(counted).where(counted.c.scope == "warmup", counted.c.scope_id < old.date().toordinal()))
