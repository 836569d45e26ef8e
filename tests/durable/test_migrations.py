"""The migrations make exactly the tables of store/schema.py, on a new database and on one already there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, text

from store import schema
from store.database import FILES, Database
from store.migrate import newest, upgrade

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "store/migrations"
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


@pytest.mark.parametrize("name", FILES)
def test_the_newest_file_has_the_newest_revision(name: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.set_main_option("version_locations", str(MIGRATIONS / name))
    configuration.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(configuration).get_current_head() == newest(name)


def test_a_start_with_nothing_to_migrate_does_without_alembic(tmp_path: Path) -> None:
    upgrade(str(tmp_path))
    work = f"import sys; from store.migrate import upgrade; upgrade({str(tmp_path)!r})"
    again = f"{work}; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", again], check=True, cwd=ROOT)


def test_a_second_migration_changes_nothing(tmp_path: Path) -> None:
    assert upgrade(str(tmp_path)) == upgrade(str(tmp_path))
