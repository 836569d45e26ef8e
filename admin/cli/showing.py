"""How rows are printed: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import typer

_NO_TERMINAL: Final = 10_000  # columns: a program reads it, or a file


def show(rows: Sequence[Any], as_json: bool) -> None:
    """A table for people, or one JSON array. Nothing is cut off: a key that is to be published is long."""
    plain = [msgspec.to_builtins(row) for row in rows]
    if as_json:
        json.dump(plain, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    if not plain:
        typer.echo("(none)")
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(*(Column(escape(str(name)), overflow="fold") for name in plain[0]), box=None, pad_edge=False)
    for row in plain:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    Console(soft_wrap=True, width=None if sys.stdout.isatty() else _NO_TERMINAL).print(table)


def show_one(row: Any, as_json: bool) -> None:
    """One thing: `name: value` lines, or one JSON object."""
    plain = msgspec.to_builtins(row)
    if as_json:
        typer.echo(json.dumps(plain, ensure_ascii=False))
        return
    for name, value in plain.items():
        typer.echo(f"{name}: {_cell(value)}")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
