"""Whether an address of ours is called what it calls itself: forward-confirmed reverse DNS (RFC 1912 §2.1).

Receivers refuse mail of addresses where it does not. Asked by the sender for its metrics and by `mailloft doctor`.
"""

from __future__ import annotations

from ipaddress import ip_address

from net.resolver import Resolver


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
