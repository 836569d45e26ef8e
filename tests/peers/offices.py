"""An office without an appliance: the acts on stores that a test was given."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from admin.office import Office
from peers.vaults import whole_vault
from store.schema import domains, plans, projects
from store.settings import Settings
from store.stores import Stores

PROJECT, STRANGERS = 1, 2


def office_of(stores: Stores, folder: Path, settings: Settings | None = None) -> Office:
    """With two projects that own `ours.test` and `theirs.test`."""
    uploads = folder / "spool" / "imports"
    uploads.mkdir(parents=True)
    office = Office(
        stores, whole_vault(b"m" * 32), uploads, "mx.ours.test", ("192.0.2.1",), settings=settings or Settings()
    )  # fmt: skip
    now = office.now()
    with stores.core.database.write() as tx:
        tx.execute(insert(plans).values(id=1, name="all", campaigns_allowed=True))
        for number, name in ((PROJECT, "ours"), (STRANGERS, "theirs")):
            tx.execute(insert(projects).values(id=number, name=name, plan_id=1, created_at=now))
            tx.execute(insert(domains).values(
                id=number, project_id=number, name=f"{name}.test", ownership_token="x", owned=True, sending=True,
                linked=True, created_at=now, by_hand=True, failing_since={},
            ))  # fmt: skip
    return office
