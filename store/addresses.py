"""What an envelope recipient is: the look-ups behind RCPT, in one short read of `core`.

Called by mta/inbound/session in a thread. Nothing is remembered between calls, so a new mailbox takes mail at once.
`fullness` reads `mail`, for mailboxes with a quota alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, exists, select

from mail.address import Address
from policy.acceptance import NOBODY, NOWHERE, ROLES, Accepted, Box, Home, Place, Target, without_plus
from policy.correspondents import Standing
from store import quota
from store.redirects import CATCH_ALL
from store.schema import correspondents, domains, mailboxes, redirects

_DOMAIN: Final = select(domains.c.id, domains.c.linked).where(domains.c.name == bindparam("name"))
_PICKY: Final = (
    exists()
    .where(correspondents.c.mailbox_id == mailboxes.c.id, correspondents.c.standing == Standing.REFUSE.value)
    .label("picky")
)
_BOX: Final = (mailboxes.c.id, mailboxes.c.quota_bytes, _PICKY)
_BOXES: Final = select(mailboxes.c.address_key, *_BOX).where(
    mailboxes.c.address_key.in_(bindparam("keys", expanding=True))
)
_TARGETS: Final = (
    select(redirects.c.address_key, redirects.c.target, redirects.c.target_key, redirects.c.project_id)
    .where(redirects.c.address_key.in_(bindparam("keys", expanding=True)))
    .order_by(redirects.c.id)
)
_OWN_BOXES: Final = _BOXES.where(mailboxes.c.project_id == bindparam("project"))
_OLDEST: Final = select(*_BOX).where(mailboxes.c.domain_id == bindparam("domain")).order_by(mailboxes.c.id).limit(1)
_FIRST: Final = select(*_BOX).order_by(mailboxes.c.id).limit(1)


def place_of(tx: Connection, address: Address, hostname: str, postmaster: str = "") -> Place:
    """What is known here of `address`; `hostname` is the appliance's own, whose roles go to `postmaster`.

    That is the `address_key` of a mailbox; without it the first mailbox of the appliance is the operator's.
    """
    name = address.ascii_domain
    role = address.local.casefold() in ROLES
    domain = tx.execute(_DOMAIN, {"name": name}).one_or_none()
    if domain is None:
        ours = name == hostname.lower()
        return Place(ours=True, oldest=_operators(tx, postmaster) if role else None) if ours else NOWHERE
    homes = _homes(tx, [address.normalised, _base(address), CATCH_ALL + name])
    oldest = tx.execute(_OLDEST, {"domain": domain.id}).first() if role else None
    return Place(
        ours=True,
        linked=domain.linked,
        domain=domain.id,
        exact=homes[0],
        base=homes[1],
        catch_all=homes[2],
        oldest=_box(oldest) if oldest else None,
    )


def fullness(tx: Connection, recipients: Iterable[Accepted]) -> list[tuple[int, int]]:
    """Octets used and allowed, of those mailboxes that have a quota; on `mail`."""
    return [
        (quota.usage(tx, one.target).octets, one.quota)
        for one in recipients
        if one.quota is not None and one.target is not None
    ]


def _base(address: Address) -> str:
    """The address that it is a plus-address of; "" for none."""
    base = without_plus(address.local)
    return Address(base, address.domain).normalised if base else ""


def _operators(tx: Connection, postmaster: str) -> Box | None:
    named = tx.execute(_BOXES, {"keys": [postmaster]}).first() if postmaster else None
    if named is not None:
        return _box(named)
    first = tx.execute(_FIRST).first()
    return _box(first) if first else None


def _box(row: Row[Any]) -> Box:
    return Box(row.id, row.quota_bytes, bool(row.picky))


def _homes(tx: Connection, keys: list[str]) -> list[Home]:
    """In the order of `keys`."""
    asked = [key for key in keys if key]
    boxes = {row.address_key: _box(row) for row in tx.execute(_BOXES, {"keys": asked})}
    targets = _targets(tx, asked)
    return [Home(boxes.get(key), targets.get(key, ())) if key else NOBODY for key in keys]


def _targets(tx: Connection, keys: list[str]) -> Mapping[str, tuple[Target, ...]]:
    rows = tx.execute(_TARGETS, {"keys": keys}).all()
    if not rows:
        return {}
    # A mailbox of another project is another host's, whatever machine it is on: mail gets there through the queue.
    wanted = {"keys": [row.target_key for row in rows], "project": rows[0].project_id}
    own = {row.address_key: _box(row) for row in tx.execute(_OWN_BOXES, wanted)}
    found: dict[str, tuple[Target, ...]] = {}
    for row in rows:
        found[row.address_key] = (*found.get(row.address_key, ()), Target(row.target, own.get(row.target_key)))
    return found
