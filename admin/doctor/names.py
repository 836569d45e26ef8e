"""DNS as others see us: our host name, the names of every address that we send from, and the blocklists.

A blocklist answers 127.0.0.0/8 for who is on it (RFC 5782); 127.255.255.0/24 is how the large ones say that they do
not answer this resolver, which is neither yes nor no.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Final

from admin.doctor.finding import Finding, Premises, Verdict
from net.resolver import Standing
from net.source_names import mismatch

BLOCKLISTS: Final = ("zen.spamhaus.org", "bl.spamcop.net", "b.barracudacentral.org")
_REFUSED: Final = ip_network("127.255.255.0/24")
_BUDGET: Final = 5.0  # seconds for one question


def look(premises: Premises) -> Iterator[Finding]:
    yield _hostname(premises)
    for address, ehlo in _sources(premises):
        yield _source(premises, address, ehlo)
        if not ip_address(address).is_private and not ip_address(address).is_loopback:
            yield from (_blocklist(premises, address, zone) for zone in BLOCKLISTS)


def _sources(premises: Premises) -> list[tuple[str, str]]:
    return [(source.address, source.ehlo) for source in premises.office.settings.outbound.sources]


def _hostname(premises: Premises) -> Finding:
    hostname = premises.office.hostname
    answers = [premises.resolver.ask_now(hostname, kind, _BUDGET) for kind in ("A", "AAAA")]
    if any(answer.standing is Standing.FOUND for answer in answers):
        return Finding("names", hostname, Verdict.OK, "has an address")
    if any(answer.standing is Standing.TEMPORARY for answer in answers):
        told = f"the name servers do not answer: {next(answer.words for answer in answers if answer.words)}"
        return Finding("names", hostname, Verdict.WRONG, told, "Look at the resolver: `systemctl status unbound`.")
    return Finding(
        "names", hostname, Verdict.WRONG, "has no address", "Publish an A record for it, or mend [server] hostname."
    )


def _source(premises: Premises, address: str, ehlo: str) -> Finding:
    wrong = asyncio.run(mismatch(premises.resolver, address, ehlo))
    if not wrong:
        return Finding("names", address, Verdict.OK, f"is {ehlo} both ways")
    verdict = Verdict.WARNING if ip_address(address).is_loopback else Verdict.WRONG
    return Finding(
        "names", address, verdict, wrong, "Whoever gave you the address sets its PTR; your zone has the other."
    )


def _blocklist(premises: Premises, address: str, zone: str) -> Finding:
    name = f"{ip_address(address).reverse_pointer.rsplit('.', 2)[0]}.{zone}"
    answer = premises.resolver.ask_now(name, "A", _BUDGET)
    what = f"{address} on {zone}"
    if answer.standing is not Standing.FOUND:
        unknown = answer.standing is Standing.TEMPORARY
        verdict = Verdict.UNKNOWN if unknown else Verdict.OK
        return Finding("blocklists", what, verdict, "not asked: no answer" if unknown else "not listed")
    said = ip_address(str(answer.records[0]))
    if said in _REFUSED:
        mend = "Use a resolver of your own that asks the root servers."
        return Finding("blocklists", what, Verdict.UNKNOWN, f"the list does not answer this resolver ({said})", mend)
    mend = f"Rest the address and ask for removal at https://{zone.split('.', 1)[1]}."
    return Finding("blocklists", what, Verdict.WRONG, f"listed ({said})", mend)
