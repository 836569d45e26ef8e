"""What policy/sender_standing.py wants to know of an address, read in one state of `core` (PRODUCT C1, D5, S2)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from mail.address import Address, parse_mailbox
from policy.sender_standing import SenderFacts, may_send
from store import connections, domains
from store.domains import Domain
from store.senders import Sender


def gather(connection: Connection, project: int, address: Address, *, authorised: bool = True) -> SenderFacts:
    """`authorised`: as its sender is; a mailbox of the project is without being one."""
    domain = domains.get(connection, project, address.ascii_domain)
    return _facts(address, authorised, domain, connections.why_stopped(connection, project, address.normalised))


def gather_all(connection: Connection, project: int, found: Sequence[Sender]) -> list[SenderFacts]:
    """Of each of these senders of the project."""
    stopped = connections.why_senders_stopped(connection, project)
    addresses = [parse_mailbox(one.address) for one in found]
    homes = {name: domains.get(connection, project, name) for name in {one.ascii_domain for one in addresses}}
    return [
        _facts(address, one.authorised, homes[address.ascii_domain], stopped.get(one.id))
        for one, address in zip(found, addresses, strict=True)
    ]


def _facts(address: Address, authorised: bool, domain: Domain | None, stopped: str | None) -> SenderFacts:
    return SenderFacts(
        address=str(address),
        authorised=authorised,
        domain=address.ascii_domain,
        owned=domain is not None and domain.owned,
        sending=domain is not None and domain.sending,
        stopped=stopped,
    )


def domain_may_send(connection: Connection, project: int, name: str) -> bool:
    domain = domains.get(connection, project, name)
    return domain is not None and may_send(owned=domain.owned, sending=domain.sending)
