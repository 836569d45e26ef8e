"""A copy of one database as it is at one instant, while the appliance writes on; and the way back.

SQLite by its own backup interface inside one read transaction, PostgreSQL by pg_dump and pg_restore of one schema
under an exported snapshot, so that the counts of `tables` are those of the copy. Called by admin/backup.py and
admin/restore.py in a process of their own. Raises CopyError with what the database's programs said.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, make_url, text

from store import schema
from store.database import FILES, Database, is_postgresql
from store.fsync import sync

Told = Callable[[int, int], None]  # pages copied, of so many
_PAGES: Final = 2048  # 8 MB between two words about it
_SCHEMAS: Final = {"core": schema.core, "mail": schema.mail, "events": schema.events}


class CopyError(Exception):
    """A copy that was not made or cannot be put back; the text has the program's own words."""


def file_name(name: str, location: str) -> str:
    """What the copy of a database is called."""
    return f"{name}.dump" if is_postgresql(location) else f"{name}.db"


def copy(name: str, location: str, target: Path, told: Told) -> dict[str, int]:
    """Write the copy to `target`, which must not exist; the rows in each of its tables."""
    return _dump(name, location, target) if is_postgresql(location) else _copy_file(name, location, target, told)


def put_back(name: str, location: str, source: Path) -> dict[str, int]:
    """Into a database that is empty or absent; the rows in each table as they are there now."""
    if is_postgresql(location):
        _program(location, "pg_restore", "--exit-on-error", "--no-owner", str(source))
    else:
        target = Path(location) / f"{name}.db"
        with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
        sync(target)
        sync(target.parent)
    return count(name, location)


def put_aside(location: str, aside: Path) -> None:
    """The three databases, which nobody may have open: files into `aside`, schemas by a new name."""
    if not is_postgresql(location):
        for file in [file for name in FILES for file in Path(location).glob(f"{name}.db*")]:
            file.rename(aside / file.name)
        return
    for name in FILES:
        database = Database(name, location)
        try:
            with database.write() as connection:
                # What a restore that was broken off had not come to is absent.
                if connection.execute(text("SELECT to_regnamespace(:name)"), {"name": name}).scalar() is not None:
                    connection.execute(text(f'ALTER SCHEMA {name} RENAME TO "{name}_{aside.name}"'))
        finally:
            database.close()


def count(name: str, location: str) -> dict[str, int]:
    """The rows in each table; reads all of them."""
    database = Database(name, location)
    try:
        with database.read() as connection:
            return _counted(connection, name)
    finally:
        database.close()


def _counted(connection: Connection, name: str) -> dict[str, int]:
    return {
        table.name: int(connection.execute(text(f'SELECT count(*) FROM "{table.name}"')).scalar_one())  # noqa: S608 - a name of ours
        for table in _SCHEMAS[name].sorted_tables
    }


def _copy_file(name: str, location: str, target: Path, told: Told) -> dict[str, int]:
    source = f"file:{Path(location) / name}.db?mode=ro"
    with closing(sqlite3.connect(source, uri=True, isolation_level=None)) as reading:
        # Inside one read transaction the copy needs no new start when somebody writes meanwhile.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with closing(sqlite3.connect(target)) as writing:
            reading.backup(writing, pages=_PAGES, progress=lambda _, left, total: told(total - left, total))
            writing.execute("PRAGMA journal_mode = DELETE")  # one file, which needs no other beside it
            found = writing.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise CopyError(
            f"the copy of {name}.db is damaged: {found}. `sqlite3 {name}.db` with .recover saves what is left."
        )
    sync(target)
    return count(name, str(target.parent))


def _dump(name: str, location: str, target: Path) -> dict[str, int]:
    database = Database(name, location)
    try:
        with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            # A long transaction on purpose: the settings of our own end one that stands still for some seconds.
            connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            _program(
                location, "pg_dump", "--format=custom", f"--schema={name}", f"--snapshot={snapshot}", f"--file={target}"
            )
            counted = _counted(connection, name)
    finally:
        database.close()
    sync(target)
    return counted


def _program(location: str, *words: str) -> None:
    """One of PostgreSQL's own. The password goes in its environment: everybody on the machine reads its arguments."""
    url = make_url(location)
    query = {name: value for name, value in url.query.items() if name != "password"}
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    password = url.password or url.query.get("password")
    secret = {"PGPASSWORD": password} if isinstance(password, str) else {}
    try:
        done = subprocess.run(
            [*words, f"--dbname={shown.render_as_string()}"],
            capture_output=True, text=True, check=False, env={**os.environ, **secret},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise CopyError(f"{words[0]} is not installed; Debian has it in postgresql-client") from error
    if done.returncode != 0:
        raise CopyError(f"{words[0]}: {done.stderr.strip()}")
