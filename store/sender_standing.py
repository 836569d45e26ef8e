"""What policy/sender_standing.py wants to know of an address, read in one state of `core` (PRODUCT C1, D5, S2)."""

from __future__ import annotations

from sqlalchemy import Connection

from mail.address import Address
from policy.sender_standing import SenderFacts, may_send
from store import connections, domains


def gather(connection: Connection, project: int, address: Address, *, authorised: bool = True) -> SenderFacts:
    """`authorised`: as its sender is; a mailbox of the project is without being one."""
    domain = domains.get(connection, project, address.ascii_domain)
    return SenderFacts(
        address=str(address),
        authorised=authorised,
        domain=address.ascii_domain,
        owned=domain is not None and domain.owned,
        sending=domain is not None and domain.sending,
        stopped=connections.why_stopped(connection, project, address.normalised),
    )


def domain_may_send(connection: Connection, project: int, name: str) -> bool:
    domain = domains.get(connection, project, name)
    return domain is not None and may_send(owned=domain.owned, sending=domain.sending)
