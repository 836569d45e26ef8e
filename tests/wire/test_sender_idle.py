"""Security 25: a sender with 100,000 deferred rows does next to nothing, and no more than one with 1,000."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from peers.smtp_role import Premises, Tenant, furnish, name_server, settle_tenant
from policy.lifecycle import State
from store import flows
from store.schema import flows as flow_rows
from store.schema import messages, recipients
from store.stores import Stores

ROWS = {"few": 1_000, "many": 100_000}
WATCHED = 6.0  # seconds
SHARE = 0.10  # of a core, on a machine that is busy with other tests; alone it is about 0.02


@pytest.fixture
def premises(location: str, stores: Stores, tmp_path: Path) -> Iterator[tuple[Premises, Tenant]]:
    with ExitStack() as ends:
        served = ends.enter_context(name_server(tmp_path, [("far.test", "A", "127.0.9.41")]))
        made = furnish(tmp_path, location, stores, served)
        made.settings["outbound"] = {"sources": [{"address": "127.0.8.41", "ehlo": "out.ours.test"}]}
        yield made, settle_tenant(stores)


def defer(stores: Stores, tenant: Tenant, count: int) -> None:
    """Rows of one message, due in an hour, fifty to a site."""
    now = datetime.now(UTC)
    sites = [f"far{number}.test" for number in range(count // 50)]
    stream = flows.Stream(tenant.project, "connection", tenant.connection, "submission", "transactional")
    with stores.core.database.write() as tx:
        made = insert(messages).values(
            project_id=tenant.project, kind="submission", connection_id=tenant.connection,
            reverse_path="ann@ours.test", message_id="<1@ours.test>", bytes=b"x", created_at=now,
        )  # fmt: skip
        message = tx.execute(made.returning(messages.c.id)).scalar_one()
        for start in range(0, len(sites), 100):
            flow_of = flows.ensure(tx, stream, sites[start : start + 100])
            rows = [
                {
                    "flow_id": flow, "message_id": message, "address": f"r{number}@{site}", "state": State.QUEUED,
                    "due": now + timedelta(hours=1), "queued_at": now, "attempts": 1,
                }
                for site, flow in flow_of.items()
                for number in range(50)
            ]  # fmt: skip
            tx.execute(insert(recipients), rows)
        tx.execute(update(flow_rows).values(queued=50, next_due=now + timedelta(hours=1)))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("size", sorted(ROWS))
def test_security_25_a_deferred_backlog_leaves_the_sender_idle(
    stores: Stores, premises: tuple[Premises, Tenant], size: str
) -> None:
    made, tenant = premises
    defer(stores, tenant, ROWS[size])
    with made.role("sender") as running:
        time.sleep(1.5)
        before, at = cpu_seconds(running.process.pid), time.monotonic()
        time.sleep(WATCHED)
        share = (cpu_seconds(running.process.pid) - before) / (time.monotonic() - at)
    print(f"{size}: {share:.3f} of a core")
    assert share < SHARE
