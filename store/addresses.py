"""What an envelope recipient is: the look-ups behind RCPT, in one short read of `core`.

Called by mta/inbound/session in a thread. Nothing is remembered between calls, so a new mailbox takes mail at once.
`fullness` reads `mail`, for mailboxes with a quota alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, exists, select

from mail.address import Address
from policy.acceptance import NOBODY, NOWHERE, ROLES, Accepted, Box, Home, Place, Target, without_plus
from policy.correspondents import Standing
from store import quota
from store.prepared import Prepared
from store.redirects import CATCH_ALL
from store.schema import correspondents, domains, mailboxes, redirects

_DOMAIN: Final = Prepared(select(domains.c.id, domains.c.linked).where(domains.c.name == bindparam("of_name")))
_PICKY: Final = (
    exists()
    .where(correspondents.c.mailbox_id == mailboxes.c.id, correspondents.c.standing == Standing.REFUSE.value)
    .label("picky")
)
_BOX: Final = (mailboxes.c.id, mailboxes.c.quota_bytes, _PICKY)
_KEYED: Final = select(*_BOX, mailboxes.c.address_key)
_THREE: Final[list[BindParameter[Any]]] = [bindparam(name) for name in ("exact", "base", "catch_all")]
_BOXES: Final = Prepared(_KEYED.where(mailboxes.c.address_key.in_(_THREE)))
_TARGETS: Final = Prepared(
    select(redirects.c.address_key, redirects.c.target, redirects.c.target_key, redirects.c.project_id)
    .where(redirects.c.address_key.in_(_THREE))
    .order_by(redirects.c.id)
)
_OWN_BOXES: Final = _KEYED.where(
    mailboxes.c.address_key.in_(bindparam("keys", expanding=True)), mailboxes.c.project_id == bindparam("project")
)
_NAMED: Final = select(*_BOX).where(mailboxes.c.address_key == bindparam("key"))
_OLDEST: Final = select(*_BOX).where(mailboxes.c.domain_id == bindparam("domain")).order_by(mailboxes.c.id).limit(1)
_FIRST: Final = select(*_BOX).order_by(mailboxes.c.id).limit(1)


def place_of(tx: Connection, address: Address, hostname: str, postmaster: str = "") -> Place:
    """What is known here of `address`; `hostname` is the appliance's own, whose roles go to `postmaster`.

    That is the `address_key` of a mailbox; without it the first mailbox of the appliance is the operator's.
    """
    name = address.ascii_domain
    role = address.local.casefold() in ROLES
    found = _DOMAIN.row(tx, of_name=name)
    if found is None:
        ours = name == hostname.lower()
        return Place(ours=True, oldest=_operators(tx, postmaster) if role else None) if ours else NOWHERE
    domain, linked = found
    homes = _homes(tx, [address.normalised, _base(address), CATCH_ALL + name])
    oldest = tx.execute(_OLDEST, {"domain": domain}).first() if role else None
    return Place(
        ours=True,
        linked=linked,
        domain=domain,
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
    named = tx.execute(_NAMED, {"key": postmaster}).first() if postmaster else None
    if named is not None:
        return _box(named)
    first = tx.execute(_FIRST).first()
    return _box(first) if first else None


def _box(row: Sequence[Any]) -> Box:
    """Of the columns of _BOX, with others behind them."""
    return Box(row[0], row[1], bool(row[2]))


def _homes(tx: Connection, keys: Sequence[str]) -> list[Home]:
    """In the order of `keys`: the address itself, without its plus part ("" for none), the domain's catch-all."""
    exact, base, catch_all = keys
    wanted = {"exact": exact, "base": base, "catch_all": catch_all}
    boxes = {row[3]: _box(row) for row in _BOXES.rows(tx, **wanted)}
    targets = _targets(tx, _TARGETS.rows(tx, **wanted))
    return [Home(boxes.get(key), targets.get(key, ())) if key else NOBODY for key in keys]


def _targets(tx: Connection, rows: Sequence[tuple[str, str, str, int]]) -> Mapping[str, tuple[Target, ...]]:
    if not rows:
        return {}
    # A mailbox of another project is another host's, whatever machine it is on: mail gets there through the queue.
    wanted = {"keys": [target_key for _, _, target_key, _ in rows], "project": rows[0][3]}
    own = {row[3]: _box(row) for row in tx.execute(_OWN_BOXES, wanted)}
    found: dict[str, tuple[Target, ...]] = {}
    for key, target, target_key, _ in rows:
        found[key] = (*found.get(key, ()), Target(target, own.get(target_key)))
    return found
