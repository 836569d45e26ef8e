"""`--help` leaves no question: every group, command, argument and option of the command line has its words."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from admin.cli.commands import app


def _words(command: object, path: str) -> Iterator[tuple[str, str | None]]:
    """Of a command and each parameter of it and of those below."""
    yield path, getattr(command, "help", None)
    for one in getattr(command, "params", ()):
        yield f"{path} {one.name}", one.help
    for name, inner in getattr(command, "commands", {}).items():
        yield from _words(inner, f"{path} {name}")


_ALL = dict(_words(typer.main.get_command(app), "mailloft"))


def test_the_walk_reaches_every_depth() -> None:
    assert len(_ALL) > 300
    assert "mailloft client conversation answer cc" in _ALL
    assert "mailloft campaign add parts" in _ALL


def test_each_has_its_words() -> None:
    assert [path for path, words in _ALL.items() if not words] == []


def test_words_are_sentences() -> None:
    assert [path for path, words in _ALL.items() if words and words.rstrip()[-1] not in ".)"] == []
