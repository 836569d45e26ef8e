"""The three databases and their one write gate.

`core`, `mail` and `events` are three SQLite files (WAL, synchronous FULL) or three schemas of one PostgreSQL; no
transaction spans two. On SQLite a write first takes an advisory lock on the file's gate, which the kernel queues
fairly, then BEGIN IMMEDIATE: SQLite's own waiting polls, and whoever just committed wins again
(docs/design.md has the figures). pysqlite's deferred BEGIN is switched off here and nowhere else.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

FILES: Final = ("core", "mail", "events")
_STANDSTILL_MS: Final = 10_000
_ASIDE: Final = 8  # connections for reads, of the fifteen that the pool gives
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    # The gate queues our writers; this is for an operator's own sqlite3 shell beside us.
    "busy_timeout = 10000",
    "journal_size_limit = 16777216",
)
# What one connection may keep of its file. Mail is scanned by eight threads, each page once: the kernel's cache does.
_CACHE_KB: Final = {"core": 16_000, "mail": 2_000, "events": 16_000}


class Database:
    """One of the three. Made before a fork or after; its connections and its gate are opened at first use."""

    def __init__(self, name: str, location: str) -> None:
        """`location`: a PostgreSQL URL, or the folder of the SQLite files."""
        self.name = name
        self.postgresql = is_postgresql(location)
        self.file = None if self.postgresql else Path(location) / f"{name}.db"
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._gate = None if self.file is None else Gate(self.file.with_suffix(".gate"))
        self._location = location
        self._readers: list[Connection] = []  # of SQLite, between two reads
        self._writers: list[Connection] = []  # one at most: the gate lets nobody else in

    @property
    def engine(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._engine = _sqlite(self.file) if self.file else _postgresql(self.name, self._location)
            return self._engine

    def prepare(self) -> None:
        """Make what opens nothing yet, in a parent for all its children: each alone, it dirties 1.7 MB in each."""
        _ = self.engine

    def read(self) -> AbstractContextManager[Connection]:
        """A connection whose statements see one state of the database; at most a second long."""
        return self.engine.begin() if self.postgresql else Kept(self._made, self._readers, "BEGIN")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends, and undone when it raises; under 20 ms."""
        if self._gate is None:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._gate, Kept(self._made, self._writers, "BEGIN IMMEDIATE") as connection:
            yield connection

    def _made(self) -> Connection:
        connection = self.engine.connect()
        connection.begin()
        driver_of(connection).execute("COMMIT")
        return connection

    def close(self) -> None:
        for aside in (self._readers, self._writers):
            while aside:
                aside.pop().close()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._gate is not None:
            self._gate.close()


class Kept:
    """A transaction on a connection to SQLite that is put aside afterwards, for the next.

    SQLAlchemy's ways in and out cost a small read more than its statement. So it sees one transaction that never ends,
    and the driver hears where each begins and ends. What raises closes the connection, which undoes it.
    """

    __slots__ = ("_aside", "_begin", "_connection", "_make")

    def __init__(self, make: Callable[[], Connection], aside: list[Connection], begin: str) -> None:
        self._make = make
        self._aside = aside
        self._begin = begin

    def __enter__(self) -> Connection:
        try:
            connection = self._aside.pop()
        except IndexError:
            connection = self._make()
        self._connection = connection
        self._say(self._begin)
        return connection

    def __exit__(self, kind: object, *_: object) -> None:
        connection = self._connection
        if kind is not None:
            connection.close()
            return
        self._say("COMMIT")
        if len(self._aside) < _ASIDE:
            self._aside.append(connection)
        else:
            connection.close()

    def _say(self, word: str) -> None:
        try:
            driver_of(self._connection).execute(word)
        except sqlite3.Error as error:
            self._connection.close()
            raise as_sqlalchemys(word, error) from error


class Gate:
    """An exclusive lock among processes (flock) and among the threads of one (a Lock)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None
        self._threads = threading.Lock()

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        assert self._descriptor is not None
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def driver_of(connection: Connection) -> Any:
    """The driver's own connection behind SQLAlchemy's."""
    return connection.connection.dbapi_connection


def as_sqlalchemys(statement: str, error: Exception) -> exc.DBAPIError:
    """What the driver raised, as SQLAlchemy would have raised it, without the parameters."""
    return _kind(error)(statement, None, error, hide_parameters=True)


def _kind(error: Exception) -> type[exc.DBAPIError]:
    """By the name of the error or of what it derives from: a driver has finer ones."""
    for base in type(error).__mro__:
        kind = getattr(exc, base.__name__, None)
        if isinstance(kind, type) and issubclass(kind, exc.DBAPIError):
            return kind
    return exc.DBAPIError


def is_postgresql(location: str) -> bool:
    return location.startswith(("postgresql:", "postgres:", "postgresql+psycopg:"))


def _sqlite(file: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{file}", connect_args={"timeout": 10, "check_same_thread": False}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, f"cache_size = -{_CACHE_KB[file.stem]}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver_of(connection).execute("BEGIN")

    return engine


def _postgresql(name: str, url: str) -> Engine:
    from store.row_by_row import RowByRow  # loads psycopg, which a machine with SQLite need not have

    _, _, rest = url.partition(":")
    # Our transactions take milliseconds: one that stands still belongs to a process that was stopped or a node that is
    # gone, and its locks must not stop the others.
    settings = f"-c search_path={name} -c timezone=UTC -c idle_in_transaction_session_timeout={_STANDSTILL_MS}"
    options: dict[str, Any] = {"options": settings, "cursor_factory": RowByRow}
    return create_engine(f"postgresql+psycopg:{rest}", connect_args=options, pool_pre_ping=True, hide_parameters=True)
