"""Dashboards, rules, runbooks and the catalogue of metrics say what the code does; promtool finds the rules right."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
import yaml

from admin.cli.commands import app
from peers.need import program

ROOT = Path(__file__).parents[2]
RULES = ROOT / "monitoring" / "rules"
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
ALERTS = [rule for group in yaml.safe_load((RULES / "mailloft.yml").read_text())["groups"] for rule in group["rules"]]
# In a process of its own: it imports every role. What is to be in each file, as JSON.
MADE = "import json, monitoring.made as m; print(json.dumps({str(file): text for file, text in m.files().items()}))"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", MADE], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_every_metric_that_the_code_registers_is_in_the_catalogue_and_no_other(made: dict[str, str]) -> None:
    """`make dashboards` writes it; what a metric tells stands beside it in the code."""
    file = ROOT / "docs" / "metrics.md"
    assert file.read_text() == made[str(file)], (
        "`make dashboards` (python -m monitoring.made) writes docs/metrics.md anew"
    )


def test_the_dashboards_are_those_of_their_tables(made: dict[str, str]) -> None:
    written = {str(file): file.read_text() for file in (ROOT / "monitoring" / "dashboards").glob("*.json")}
    assert written == {file: text for file, text in made.items() if file.endswith(".json")}


def test_a_dashboard_or_an_alert_asks_for_no_metric_that_is_not_there(made: dict[str, str]) -> None:
    known = set(re.findall(r"^\| `(mailloft_\w+)`", made[str(ROOT / "docs" / "metrics.md")], re.M))
    asked = set(re.findall(r"\bmailloft_\w+", json.dumps(made | {"rules": (RULES / "mailloft.yml").read_text()})))
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in asked} <= known


def test_every_metric_of_ours_is_looked_at_by_somebody(made: dict[str, str]) -> None:
    rows = [line.split(" | ") for line in made[str(ROOT / "docs" / "metrics.md")].splitlines() if "`mailloft_" in line]
    unseen = [row[0] for row in rows if row[-1].strip(" |") == ""]
    assert unseen == [], f"give {unseen} a panel in monitoring/panels.py or an alert, then `make dashboards`"


@pytest.mark.parametrize("command", [("check", "rules", "mailloft.yml"), ("test", "rules", "mailloft_test.yml")])
def test_promtool_finds_the_rules_right(command: tuple[str, ...]) -> None:
    promtool = program("promtool", "prometheus")
    done = subprocess.run([promtool, *command], cwd=RULES, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_fired_by_a_test_of_its_own() -> None:
    tests = yaml.safe_load((RULES / "mailloft_test.yml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert fired == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_severity_and_a_part_in_the_runbooks(rule: dict[str, dict[str, str]]) -> None:
    name = str(rule["alert"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{name.lower()}"
    part = RUNBOOKS.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    assert "**Look:**" in part
    assert "```sh" in part


def _commands() -> list[str]:
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", RUNBOOKS, re.S)).splitlines()
    return sorted({line for line in lines if line.startswith("mailloft ")})


@pytest.mark.parametrize("line", _commands())
def test_a_command_of_the_runbooks_is_one_of_ours_with_these_options(line: str) -> None:
    command: click.Command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    # Parsed as it is on the command line; a word that is not known raises.
    command.make_context("mailloft", words)
