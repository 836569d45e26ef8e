"""A bar on stderr for commands that go over many rows: how many of how many, and how long it will take."""

from __future__ import annotations

from typing import Any


def counting_bar() -> Any:
    """A rich Progress; imported late, since most commands need none."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
