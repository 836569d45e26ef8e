"""Statements that are made once and run on the driver's own cursor, for what every command of a person asks.

SQLAlchemy gives each execution of a small statement 50 to 100 us of CPU, the statement itself takes 5. Parameters and
columns are numbers, text, octets and moments; rows are plain tuples. What the driver raises comes as SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Dialect, exc
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import Delete, Insert, Select, Update

from store.columns import Moment, from_microseconds, to_microseconds
from store.database import as_sqlalchemys, driver_of

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """`order`: the names of positional parameters, None where the driver takes them by name."""

    text: str
    order: tuple[str, ...] | None
    fixed: Mapping[str, Any]  # what the statement itself says
    moments_in: frozenset[str]
    moments_out: tuple[int, ...]

    def parameters(self, values: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        given = {**self.fixed, **values} if self.fixed else values
        if self.moments_in:
            given = {**given, **{name: _kept(given[name]) for name in self.moments_in}}
        return given if self.order is None else [given[name] for name in self.order]

    def told(self, row: Row) -> Row:
        values = list(row)
        for place in self.moments_out:
            values[place] = None if values[place] is None else from_microseconds(values[place])
        return tuple(values)


class Prepared:
    """For each dialect compiled at its first use, or by `compile_all`."""

    __slots__ = ("__weakref__", "_made", "_statement")

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._made: dict[str, _Made] = {}
        _ALL.add(self)

    def compile(self, dialect: Dialect) -> None:
        """Now, so that the first use has less to do; nothing where it is written for another dialect."""
        if self._statement.stringify_dialect in (_ANY_DIALECT, dialect.name):
            self._of(dialect)

    def rows(self, tx: Connection, **values: Any) -> list[Row]:
        made = self._of(tx.dialect)
        found: list[Row] = _run(tx, made, lambda driver: driver.execute(made.text, made.parameters(values)).fetchall())
        return [made.told(row) for row in found] if made.moments_out else found

    def row(self, tx: Connection, **values: Any) -> Row | None:
        """The first."""
        return next(iter(self.rows(tx, **values)), None)

    def run(self, tx: Connection, **values: Any) -> None:
        """Without an answer."""
        made = self._of(tx.dialect)
        _run(tx, made, lambda driver: driver.execute(made.text, made.parameters(values)))

    def each(self, tx: Connection, several: Iterable[Mapping[str, Any]]) -> None:
        """Without an answer, once for each of `several`."""
        made = self._of(tx.dialect)
        every = [made.parameters(values) for values in several]
        _run(tx, made, lambda driver: driver.cursor().executemany(made.text, every))

    def _of(self, dialect: Dialect) -> _Made:
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _compiled(self._statement, dialect)
        return made


_ANY_DIALECT: Final = "default"  # as SQLAlchemy names it
_ALL: Final[WeakSet[Prepared]] = WeakSet()


def compile_all(dialect: Dialect) -> None:
    """Those of all modules that were imported. In a parent, so that its children share them: to compile them each for
    itself dirties 9 MB of what a child has of its parent.
    """
    for statement in list(_ALL):
        statement.compile(dialect)


def _run(tx: Connection, made: _Made, work: Callable[[Any], Any]) -> Any:
    if not tx.in_transaction():
        raise exc.InvalidRequestError("no transaction")
    driver: Any = tx.dialect.dbapi
    try:
        return work(driver_of(tx))
    except driver.Error as error:
        raise as_sqlalchemys(made.text, error) from error


def _compiled(statement: Select[Any] | Insert | Update | Delete, dialect: Dialect) -> _Made:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    moments = frozenset(name for name, bind in compiled.binds.items() if isinstance(bind.type, Moment))
    columns = getattr(statement, "exported_columns", ())
    told = tuple(place for place, column in enumerate(columns) if isinstance(column.type, Moment))
    fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required and bind.value is not None}
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    return _Made(str(compiled), order, fixed, moments, told)


def _kept(moment: Any) -> int | None:
    return None if moment is None else to_microseconds(moment)
