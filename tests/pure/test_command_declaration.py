"""A command names what is its own; --project, --dir and --json come with its declaration, behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from admin.acts.pages import LONGEST, Page, Window
from admin.cli import calling
from admin.cli.calling import Call, command

opened_at: list[Path] = []


@contextmanager
def _opened(folder: Path) -> Iterator[Any]:
    opened_at.append(folder)
    yield SimpleNamespace()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setattr(calling, "opened", _opened)
    opened_at.clear()
    made = typer.Typer()

    @command(made, "tell")
    def tell(call: Call, what: str, times: int = 1) -> None:
        """Tell it."""
        call.show([{"told": what, "project": call.project_name}] * times)

    @command(made, "stay", "In other words.", project=False, json=False)
    def stay(call: Call) -> None:
        call.show_one({"scope": call.scope})

    @command(made, "count", project=False)
    def count(call: Call) -> None:
        call.show_all(_page)

    return made


def _page(window: Window) -> Page[int]:
    rows = list(range(window.after + 1, min(window.after + window.limit, 2 * LONGEST + 5) + 1))
    return Page(rows, str(rows[-1]) if rows[-1] < 2 * LONGEST + 5 else None)


def test_the_shared_options_come_behind_those_of_the_command(app: typer.Typer) -> None:
    told = CliRunner().invoke(app, ["tell", "--help"]).output
    assert [told.index(one) for one in ("--times", "--project", "--dir", "--json")] == sorted(
        told.index(one) for one in ("--times", "--project", "--dir", "--json")
    )
    assert "Tell it." in told


def test_a_command_gets_what_was_given(app: typer.Typer) -> None:
    asked = ["tell", "it", "--times", "2", "--project", "shop", "--dir", "/srv/mail", "--json"]
    told = CliRunner().invoke(app, asked)
    assert json.loads(told.output) == [{"told": "it", "project": "shop"}] * 2
    assert opened_at == [Path("/srv/mail")]


def test_a_command_of_no_project_has_no_such_option(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["stay"]).output == "scope: \n"
    assert "In other words." in CliRunner().invoke(app, ["stay", "--help"]).output
    for option in (["--project", "shop"], ["--json"]):
        assert CliRunner().invoke(app, ["stay", *option]).exit_code == 2


def test_a_list_is_whole_however_many_pages_it_has(app: typer.Typer) -> None:
    told = CliRunner().invoke(app, ["count", "--json"])
    assert json.loads(told.output) == list(range(1, 2 * LONGEST + 6))
