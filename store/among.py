"""A column is one of many values, which come as one parameter: the statement is the same however many they are.

So it is compiled once (store/prepared.py) and the database keeps its plan; an expanding IN is a text of its own for
each count. Pure: a condition for the statements of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine


class Several(TypeDecorator[Sequence[Any]]):
    """A list of numbers or words as a parameter: an array, or JSON where the database has none."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        wanted: TypeEngine[Any] = Text() if dialect.name == "sqlite" else ARRAY(self.kind)
        return dialect.type_descriptor(wanted)

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return msgspec.json.encode(value).decode() if dialect.name == "sqlite" else value


class Among(ColumnElement[bool]):
    """The condition; `name` is that of the parameter."""

    inherit_cache = False
    type: TypeEngine[Any] = NullType()  # to a boolean SQLAlchemy adds "= 1", and SQLite then reads the whole table

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.several = bindparam(name, type_=Several(column.type))


@compiles(Among)
def _written(element: Among, compiler: SQLCompiler, **how: Any) -> str:
    column, several = compiler.process(element.column, **how), compiler.process(element.several, **how)
    return _TEXTS[compiler.dialect.name].format(column, several)


_TEXTS: Final = {"sqlite": "{} IN (SELECT value FROM json_each({}))", "postgresql": "{} = ANY ({})"}
