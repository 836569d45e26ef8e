"""What an envelope recipient is: the look-ups behind RCPT, in one short read of `core`.

Called by mta/inbound/session in a thread. Nothing is remembered between calls, so a new mailbox takes mail at once.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from mail.address import Address
from policy.acceptance import NOWHERE, ROLES, Place, without_plus
from store.schema import domains, mailboxes

_DOMAIN: Final = select(domains.c.id, domains.c.linked).where(domains.c.name == bindparam("name"))
_MAILBOXES: Final = select(mailboxes.c.address_key, mailboxes.c.id).where(
    mailboxes.c.address_key.in_(bindparam("keys", expanding=True))
)
_OLDEST: Final = select(func.min(mailboxes.c.id)).where(mailboxes.c.domain_id == bindparam("domain"))


def place_of(tx: Connection, address: Address, hostname: str) -> Place:
    """What is known here of `address`; `hostname` is the appliance's own, which takes signed addresses only."""
    name = address.ascii_domain
    domain = tx.execute(_DOMAIN, {"name": name}).one_or_none()
    if domain is None:
        return Place(ours=True, linked=False, mailboxes=(), oldest=None) if name == hostname.lower() else NOWHERE
    keys = _spellings(address)
    found = {row.address_key: row.id for row in tx.execute(_MAILBOXES, {"keys": keys})}
    oldest = tx.execute(_OLDEST, {"domain": domain.id}).scalar() if address.local.casefold() in ROLES else None
    return Place(
        ours=True, linked=domain.linked, mailboxes=tuple(found[key] for key in keys if key in found), oldest=oldest
    )


def _spellings(address: Address) -> list[str]:
    """The address itself, then the one that it is a plus-address of."""
    base = without_plus(address.local)
    return [address.normalised] + ([Address(base, address.domain).normalised] if base else [])
