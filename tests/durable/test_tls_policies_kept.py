"""MTA-STS policies of other domains in the database: the newest of each, until it expires."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from admin import sweeping
from admin.office import Office
from mta.outbound.policy_keep import PolicyKeep
from net.sts_policies import KeptPolicy
from peers.vaults import whole_vault
from role.log import EventLog
from store.stores import Stores

NOW = datetime.now(UTC).replace(microsecond=0)
POLICY = KeptPolicy("remote.test", "1", b"version: STSv1\n", NOW, NOW + timedelta(days=1))


def keep(stores: Stores) -> PolicyKeep:
    context: Any = SimpleNamespace(stores=stores, log=EventLog("sender"))
    return PolicyKeep(context)


def test_another_process_finds_the_newest_policy_of_a_domain(stores: Stores) -> None:
    newer = replace(POLICY, identity="2", octets=b"newer")
    other = replace(POLICY, domain="other.test")
    for one in (POLICY, other, newer):
        asyncio.run(keep(stores).save(one))
    assert sorted(keep(stores).all(), key=lambda one: one.domain) == [other, newer]


def test_what_has_expired_is_neither_found_nor_kept(stores: Stores, tmp_path: Path) -> None:
    asyncio.run(keep(stores).save(replace(POLICY, expires_at=NOW - timedelta(seconds=1))))
    asyncio.run(keep(stores).save(replace(POLICY, domain="other.test")))
    assert [one.domain for one in keep(stores).all()] == ["other.test"]
    sweeping.forget_policies(
        Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", ()), NOW + timedelta(days=2)
    )
    with stores.core.database.read() as core:
        assert core.exec_driver_sql("SELECT count(*) FROM tls_policies").scalar() == 0


def test_a_database_that_fails_stops_no_mail(stores: Stores) -> None:
    with stores.core.database.write() as tx:
        tx.exec_driver_sql("DROP TABLE tls_policies")
    asyncio.run(keep(stores).save(POLICY))
