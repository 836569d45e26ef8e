"""Finds the site of domains that were met: their MX hosts, looked up in the background, many at a time.

Later rows use what is found; rows that are queued already stay in the flow of their domain. Crash case: a round that
is not saved is done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from net.resolver import MailHosts, MailStanding, Resolver
from policy.shaping import Provider
from policy.sites import site_of
from role.context import Context
from store import sites

AT_ONCE: Final = 100
OLD: Final = timedelta(days=7)
LATER: Final = timedelta(minutes=10)  # after which a failed look-up is repeated


class Rollup:
    def __init__(self, context: Context, providers: Mapping[str, Provider]) -> None:
        self._core = context.stores.core
        self._providers = providers

    async def round(self, resolver: Resolver) -> int:
        """Ask about the next domains; how many there were."""
        domains = await asyncio.to_thread(self._unasked)
        if domains:
            answers = await asyncio.gather(*(resolver.mail_hosts(domain) for domain in domains))
            found = dict(zip(domains, answers, strict=True))
            await asyncio.to_thread(self._tell, found)
        return len(domains)

    def _unasked(self) -> list[str]:
        with self._core.database.read() as core:
            return sites.unasked(core, datetime.now(UTC) - OLD, AT_ONCE)

    def _tell(self, found: Mapping[str, MailHosts]) -> None:
        """A domain whose servers failed keeps the site that it has until it is asked again."""
        told = {
            domain: site_of(domain, [host.name for host in hosts.hosts], self._providers)
            for domain, hosts in found.items()
            if hosts.standing is not MailStanding.TEMPORARY
        }
        now = datetime.now(UTC)
        failed = set(found) - set(told)

        def save(tx: Any) -> None:
            sites.tell(tx, told, now)
            sites.put_off(tx, failed, now - OLD + LATER)

        self._core.journal.run(save)
