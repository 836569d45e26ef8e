"""The migrations make exactly the tables of store/schema.py, on a new database and on one already there."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text

from store import schema
from store.database import Database
from store.migrate import upgrade

ALL = [("core", schema.core), ("mail", schema.mail), ("events", schema.events)]


@pytest.mark.parametrize(("name", "metadata"), ALL)
def test_migrations_make_the_schema(tmp_path: Path, name: str, metadata: MetaData) -> None:
    upgrade(str(tmp_path))
    database = Database(name, str(tmp_path))
    with database.read() as connection:
        migrated = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(migrated, metadata) == []
        strict = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%alembic%'"
        made = {row.name: row.sql for row in connection.execute(text(strict)) if not row.name.startswith("sqlite_")}
        assert set(made) == set(metadata.tables)
        assert all("STRICT" in sql for sql in made.values())


def test_a_second_migration_changes_nothing(tmp_path: Path) -> None:
    assert upgrade(str(tmp_path)) == upgrade(str(tmp_path))
