"""Keeps MTA-STS policies in `core` for net/sts_policies.py, which may not know the store.

Crash case: a policy that was fetched and not saved is fetched again; until then it held in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from net.sts_policies import KeptPolicy
from role.context import Context
from store import tls_policies
from store.tls_policies import PolicyRow


class PolicyKeep:
    def __init__(self, context: Context) -> None:
        self._context = context

    def all(self) -> Iterable[KeptPolicy]:
        with self._context.stores.core.database.read() as core:
            rows = tls_policies.valid(core, datetime.now(UTC))
        return [KeptPolicy(row.domain, row.identity, row.octets, row.fetched_at, row.expires_at) for row in rows]

    async def save(self, policy: KeptPolicy) -> None:
        """A policy that cannot be saved is followed all the same, until this process ends."""
        row = PolicyRow(policy.domain, policy.identity, policy.octets, policy.fetched_at, policy.expires_at)
        try:
            await asyncio.wrap_future(self._context.stores.core.journal.submit(lambda tx: tls_policies.save(tx, row)))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, mail goes on
            self._context.log.error("sts_policy_not_saved", raised=error, domain=policy.domain)
