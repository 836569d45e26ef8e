"""A command names what is its own; --project, --dir and --json come with its declaration, behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from admin.acts.pages import LONGEST, Page, Window
from admin.cli.calling import Call, command

_SETTINGS = """
[server]
hostname = "mx.home.test"
[outbound]
sources = [{ address = "127.0.0.2", ehlo = "out1.home.test" }]
"""


@dataclass(frozen=True)
class Like:
    """Options that several commands could share."""

    colour: Annotated[str | None, typer.Option("--colour", help="Which.")] = None
    also: Annotated[list[str] | None, typer.Option("--with", help="And what else.")] = None


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DIR of an appliance."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "mailloft.toml").write_text(_SETTINGS)
    words = ["migrate", "--config", folder / "mailloft.toml", "--dir", folder]
    subprocess.run([sys.executable, "-m", "admin.cli", *words], check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("MAILLOFT_DIR", str(home))
    made = typer.Typer()

    @command(made, "tell")
    def tell(call: Call, what: str, times: int = 1) -> None:
        """Tell it."""
        call.show([{"told": what, "project": call.project_name, "at": str(call.office.uploads)}] * times)

    @command(made, "stay", "In other words.", project=False, json=False)
    def stay(call: Call) -> None:
        call.show_one({"scope": call.scope})

    @command(made, "dress", project=False)
    def dress(call: Call, what: str, like: Like, size: int = 38) -> None:
        call.show_one({"what": what, "colour": like.colour, "with": like.also, "size": size})

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


def test_a_command_gets_what_was_given(app: typer.Typer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILLOFT_DIR")
    asked = ["tell", "it", "--times", "2", "--project", "shop", "--dir", str(home), "--json"]
    told = json.loads(CliRunner().invoke(app, asked).output)
    at = told[0]["at"]
    assert told == [{"told": "it", "project": "shop", "at": at}] * 2
    assert Path(at).is_relative_to(home)


def test_a_command_of_no_project_has_no_such_option(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["stay"]).output == "scope: \n"
    assert "In other words." in CliRunner().invoke(app, ["stay", "--help"]).output
    for option in (["--project", "shop"], ["--json"]):
        assert CliRunner().invoke(app, ["stay", *option]).exit_code == 2


def test_a_dataclass_stands_for_its_options(app: typer.Typer) -> None:
    told = CliRunner().invoke(app, ["dress", "hat", "--with", "a", "--size", "40", "--with", "b", "--json"])
    assert json.loads(told.output) == {"what": "hat", "colour": None, "with": ["a", "b"], "size": 40}
    told = CliRunner().invoke(app, ["dress", "hat", "--colour", "red", "--json"])
    assert json.loads(told.output) == {"what": "hat", "colour": "red", "with": None, "size": 38}
    assert "And what else." in CliRunner().invoke(app, ["dress", "--help"]).output


def test_a_list_is_whole_however_many_pages_it_has(app: typer.Typer) -> None:
    told = CliRunner().invoke(app, ["count", "--json"])
    assert json.loads(told.output) == list(range(1, 2 * LONGEST + 6))
