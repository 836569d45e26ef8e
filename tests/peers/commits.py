"""Hears of each commit of a write, on SQLite by what the driver is told, on PostgreSQL by SQLAlchemy's event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from store.database import Database


def on_commit(database: Database, told: Callable[[], None]) -> None:
    """From now on; its connections are opened anew."""
    database.close()
    if database.postgresql:
        event.listen(database.engine, "commit", lambda _: told())
        return

    @event.listens_for(database.engine, "connect")
    def connected(driver: Any, _: object) -> None:
        began: list[str] = []

        def said(statement: str) -> None:
            if statement.startswith("BEGIN"):
                began[:] = [statement]
            elif statement == "COMMIT" and began == ["BEGIN IMMEDIATE"]:
                told()

        driver.set_trace_callback(said)
