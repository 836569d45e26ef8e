"""Brings the three databases to the tables of this release; `mailloft up` and `mailloft migrate` call it.

Each database has its own line of revisions in store/migrations/<name>/ and remembers in itself where it stands, so
that a crash between two of them leaves each whole: SQLite and PostgreSQL both run DDL inside the transaction.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from store.database import FILES, Database, is_postgresql

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(location: str) -> dict[str, str]:
    """Migrate all three; the revision of each by its name. `location` as in store.stores.open_stores."""
    if not is_postgresql(location):
        Path(location).mkdir(parents=True, exist_ok=True, mode=0o700)
    return {name: _upgrade_one(name, location) for name in FILES}


def _upgrade_one(name: str, location: str) -> str:
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    configuration.set_main_option("version_locations", str(_MIGRATIONS / name).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    head = ScriptDirectory.from_config(configuration).get_current_head()
    if head is None:
        raise ValueError(f"no migrations for {name} in {_MIGRATIONS}: the installation is incomplete")
    database = Database(name, location)
    try:
        if database.postgresql:
            _make_schema(database)
        with database.write() as connection:
            if MigrationContext.configure(connection).get_current_revision() != head:
                configuration.attributes["connection"] = connection
                command.upgrade(configuration, "head")
    finally:
        database.close()
    return head


def _make_schema(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {database.name}"))
