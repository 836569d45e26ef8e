"""Whether each of our addresses is called what it calls itself: PTR says the EHLO name, and that name leads back.

Receivers refuse mail of addresses where it does not (RFC 1912 §2.1, forward-confirmed reverse DNS). Looked at when the
sender starts and hourly; a mismatch is told, never a reason not to send.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from prometheus_client import Gauge

from net.resolver import Resolver
from policy.rotation import EgressSource
from role.log import EventLog

CONFIRMED = Gauge("mailloft_source_fcrdns", "1 where PTR and address of a source's EHLO name agree, else 0", ["source"])


async def check_names(resolver: Resolver, sources: Sequence[EgressSource], log: EventLog) -> None:
    for source in sources:
        wrong = await mismatch(resolver, source.address, source.ehlo)
        CONFIRMED.labels(source.address).set(0 if wrong else 1)
        if wrong:
            log.warning("source_name", source=source.address, ehlo=source.ehlo, wrong=wrong)


async def mismatch(resolver: Resolver, address: str, ehlo: str) -> str:
    """What is wrong with the names of an address, "" where nothing is."""
    wanted = ehlo.rstrip(".").lower()
    names = await resolver.names_of(address)
    if wanted not in names:
        return f"its PTR says {', '.join(names) or 'nothing'}, not {wanted}: publish one"
    known = await resolver.addresses_of(wanted)
    if ip_address(address) not in {ip_address(one) for one in known.addresses}:
        return f"{wanted} has the addresses {', '.join(known.addresses) or 'none'}: publish {address} for it"
    return ""
