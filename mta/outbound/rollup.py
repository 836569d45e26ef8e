"""Asks for the MX of every domain that was met, in the background, and rolls the domain up into its provider's site.

One worker of each node does it; asking twice does no harm. Rows to a domain that nobody asked about wait for the answer
(store/roll_up.py), so those domains come first, and each is told as soon as its answer is there: one whose name servers
are silent delays no other. Nothing here raises for what name servers say; without an answer a domain is sent to as a
site of its own, and asked again later. Crash case: a domain that was asked and not told is asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from net.resolver import MailHosts, MailStanding, Resolver
from policy.shaping import Provider
from policy.sites import site_of
from role.context import Context
from store import roll_up, sites

AT_ONCE: Final = 100
OLD: Final = timedelta(days=7)
LATER: Final = timedelta(minutes=10)  # after which a failed look-up is repeated
TOGETHER: Final = 0.1  # seconds of answers that are told in one transaction


class Rollup:
    def __init__(self, context: Context, providers: Mapping[str, Provider]) -> None:
        self._core = context.stores.core
        self._providers = providers
        self._asking: dict[str, asyncio.Task[MailHosts]] = {}

    async def round(self, resolver: Resolver) -> bool:
        """Ask about the next domains and tell what was answered; False where nobody waits for anything."""
        for domain in await asyncio.to_thread(self._next, AT_ONCE - len(self._asking)):
            if domain not in self._asking:
                self._asking[domain] = asyncio.create_task(resolver.mail_hosts(domain))
        if not self._asking:
            return False
        answered, _ = await asyncio.wait(self._asking.values(), timeout=TOGETHER)
        found = {domain: task.result() for domain, task in self._asking.items() if task in answered}
        if found:
            await asyncio.to_thread(self._tell, found)
        self._asking = {domain: task for domain, task in self._asking.items() if domain not in found}
        return True

    def _next(self, limit: int) -> list[str]:
        """Those that mail waits for, then the others."""
        with self._core.database.read() as core:
            waited_for = [one for one in roll_up.waiting(core, AT_ONCE) if one not in self._asking][:limit]
            return waited_for or sites.unasked(core, datetime.now(UTC) - OLD, max(0, limit))

    def _tell(self, found: Mapping[str, MailHosts]) -> None:
        """A domain whose servers failed keeps the site that it has until it is asked again."""
        told = {
            domain: site_of(domain, [host.name for host in hosts.hosts], self._providers)
            for domain, hosts in found.items()
            if hosts.standing is not MailStanding.TEMPORARY
        }
        now = datetime.now(UTC)
        failed = set(found) - set(told)

        def save(tx: Any) -> list[tuple[int, int]]:
            sites.tell(tx, told, now)
            sites.put_off(tx, failed, now - OLD + LATER)
            return roll_up.place(tx, sites.of(tx, failed) | told)

        for source, target in self._core.journal.run(save):
            while self._core.journal.run(partial(roll_up.move_rows, source=source, target=target)):
                pass
