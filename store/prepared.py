"""Statements that are made once and run on the driver's own cursor, for what every command or ledger row asks.

SQLAlchemy gives each execution of a small statement 50 to 100 us of CPU, the statement itself takes 5; each row of one
for many rows gets 10. Parameters and columns are numbers, text, octets and the types of store/columns; rows are plain
tuples. What the driver raises comes as SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Dialect, exc
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import CompoundSelect, Delete, Insert, Select, TextClause, TextualSelect, Update
from sqlalchemy.types import TypeDecorator, TypeEngine

from store.database import as_sqlalchemys, driver_of

Row = tuple[Any, ...]
Statement = Select[Any] | CompoundSelect[Any] | Insert | Update | Delete | TextClause | TextualSelect
_Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Made:
    """`order`: the names of positional parameters, None where the driver takes them by name."""

    text: str
    order: tuple[str, ...] | None
    fixed: Mapping[str, Any]  # what the statement itself says
    kept: Mapping[str, _Change]  # what a type of ours makes of a parameter
    told: Sequence[tuple[int, _Change]]  # and of a column

    def parameters(self, values: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        given = {**self.fixed, **values}
        for name, keep in self.kept.items():
            given[name] = keep(given[name])
        return given if self.order is None else [given[name] for name in self.order]

    def row(self, found: Row) -> Row:
        values = list(found)
        for place, tell in self.told:
            values[place] = tell(values[place])
        return tuple(values)


class Prepared:
    """For each dialect compiled at its first use, or by `compile_all`."""

    __slots__ = ("__weakref__", "_made", "_statement")

    def __init__(self, statement: Statement) -> None:
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
        return [made.row(row) for row in found] if made.told else found

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


def _compiled(statement: Statement, dialect: Dialect) -> _Made:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    kept = {name: keep for name, bind in compiled.binds.items() if (keep := _keeping(bind.type, dialect))}
    columns = getattr(statement, "exported_columns", ())
    told = [(place, tell) for place, one in enumerate(columns) if (tell := _telling(one.type, dialect))]
    said = {name: bind.value for name, bind in compiled.binds.items() if not bind.required and bind.value is not None}
    fixed = {name: kept.pop(name)(value) if name in kept else value for name, value in said.items()}
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    return _Made(str(compiled), order, fixed, kept, told)


def _keeping(kind: TypeEngine[Any], dialect: Dialect) -> _Change | None:
    return kind.dialect_impl(dialect).bind_processor(dialect) if isinstance(kind, TypeDecorator) else None


def _telling(kind: TypeEngine[Any], dialect: Dialect) -> _Change | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None) if isinstance(kind, TypeDecorator) else None
