"""The site of a domain: its provider where every MX host is that provider's, else the domain itself.

Pure. Asked by the sender when it rolls domains up (mta/outbound/rollup.py) and by `explain`. One host of somebody
else's is enough to leave a domain its own site, so that no mixed set-up is paced as if a provider had all of it. A
site's name tells its provider: "gmail" for one that is rolled up, "example.org/mimecast" for a provider whose limits
count for each domain, "example.org" for none. Provider names have no dot (policy/shaping.py sees to that).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from policy.shaping import Provider

DEFAULT: Final = "default"  # the provider of every site that is none's


def site_of(domain: str, hosts: Sequence[str], providers: Mapping[str, Provider]) -> str:
    """`hosts`: the MX hosts of the domain in lower case without a final dot; none: nobody answers for it."""
    for name, provider in providers.items():
        if hosts and all(_matches(host, provider.match) for host in hosts):
            return name if provider.rollup else f"{domain}/{name}"
    return domain


def provider_of(site: str) -> str:
    """The provider that a site's name tells, or DEFAULT."""
    _, slash, named = site.rpartition("/")
    if slash:
        return named
    return DEFAULT if "." in site else site


def _matches(host: str, suffixes: Sequence[str]) -> bool:
    """A suffix begins with a dot and takes the hosts under it; without one it is the whole name."""
    return any(host.endswith(one) if one.startswith(".") else host == one for one in suffixes)
