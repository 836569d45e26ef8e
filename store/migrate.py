"""Brings the three databases to the tables of this release; `mailloft up` and `mailloft migrate` call it.

Each database has its own line of revisions in store/migrations/<name>/ and remembers in itself where it stands, so
that a crash between two of them leaves each whole: SQLite and PostgreSQL both run DDL inside the transaction.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from store.database import FILES, Database, is_postgresql

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(location: str) -> dict[str, str]:
    """Migrate all three; the revision of each by its name. `location` as in store.stores.open_stores."""
    if not is_postgresql(location):
        Path(location).mkdir(parents=True, exist_ok=True, mode=0o700)
    return {name: _upgrade_one(name, location) for name in FILES}


def _upgrade_one(name: str, location: str) -> str:
    head = newest(name)
    database = Database(name, location)
    try:
        if database.postgresql:
            _make_schema(database)
        with database.write() as connection:
            if _revision(connection) != head:
                _run_migrations(name, connection)
    finally:
        database.close()
    return head


def newest(name: str) -> str:
    """The last revision, by its file: 0001_first.py of `core` is core_0001."""
    files = sorted((_MIGRATIONS / name).glob("[0-9]*_*.py"))
    if not files:
        raise ValueError(f"no migrations for {name} in {_MIGRATIONS}: the installation is incomplete")
    return f"{name}_{files[-1].name.partition('_')[0]}"


def _revision(connection: Connection) -> str | None:
    """Where the database stands; None where nothing was migrated yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _run_migrations(name: str, connection: Connection) -> None:
    # A fifth of what a start costs is Alembic's import, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    configuration.set_main_option("version_locations", str(_MIGRATIONS / name).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def _make_schema(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {database.name}"))
