"""A part of a transaction that is undone alone where it raises.

Spelled out: SQLAlchemy's own costs 0.1 ms more, and a group commit may have two hundred. Called by store/journal and
store/together, with the transaction of either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection


@contextmanager
def savepoint(tx: Connection) -> Iterator[None]:
    driver: Any = tx.connection.dbapi_connection
    driver.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        dialect: Any = tx.dialect.dbapi
        with suppress(dialect.Error):  # a database that is gone has undone it, one that is full too
            driver.execute("ROLLBACK TO SAVEPOINT part")
            driver.execute("RELEASE SAVEPOINT part")
        raise
    driver.execute("RELEASE SAVEPOINT part")


def undone(tx: Connection) -> bool:
    """Whether SQLite has rolled back all of it by itself, as on a full disk: a savepoint would be a transaction."""
    driver: Any = tx.connection.dbapi_connection
    return not getattr(driver, "in_transaction", True)
