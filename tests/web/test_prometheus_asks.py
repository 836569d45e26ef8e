"""Debian's Prometheus scrapes the real appliance through a demo, with the configuration that ansible/ gives it; then
every question of every dashboard and alert has a number as its answer."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import jinja2
import pytest
import yaml

from peers.loopback import free_port, wait_until
from peers.need import program

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = ROOT / "ansible/roles/configure/templates/prometheus.yml.j2"
RULES: Final = ROOT / "monitoring" / "rules"
DEMO: Final = ("--clients", "120", "--temper", "northpost.test=full=552", "--json")
# What a demo may have nothing to say of, and why; everything else must answer.
MAY_BE_EMPTY: Final = {
    "mailloft-inbound: Refusals by reason A": "nobody is refused in a demo; the sum of all beside it is asked",
}
ALERT: Final = re.compile(r"(?s)(.+\S)\s*(?:<|>|<=|>=|==|!=)\s*[\d.]+")


def questions() -> dict[str, str]:
    """Every expression by where it stands; of an alert what it compares with its bound."""
    asked = {}
    for file in sorted((ROOT / "monitoring" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                asked[f"{file.stem}: {panel['title']} {target['refId']}"] = target["expr"]
    for group in yaml.safe_load((RULES / "mailloft.yml").read_text())["groups"]:
        for rule in group["rules"]:
            compared = ALERT.fullmatch(rule["expr"].strip())
            assert compared is not None, rule["expr"]
            asked[rule["alert"]] = compared.group(1)
    return asked


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    appliance = shlex.join([sys.executable, "-m", "admin.cli", "up"])
    command = [sys.executable, "-m", "lab.demo", "--appliance", appliance, *DEMO]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    playing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    yield playing
    playing.terminate()
    playing.communicate(timeout=30)


def metrics_ports(folder: Path) -> dict[str, int]:
    """Of the demo's appliance, by process, once it has chosen them."""
    for kept in folder.glob("mailloft-demo-*/appliance/keepsakes.json"):
        ports = json.loads(kept.read_text())["ports"]
        return {name.removeprefix("metrics."): port for name, port in ports.items() if name.startswith("metrics.")}
    return {}


@pytest.fixture
def prometheus(demo: subprocess.Popen[str], tmp_path: Path) -> Iterator[httpx.Client]:
    binary = program("prometheus", "prometheus")
    wait_until(lambda: metrics_ports(tmp_path) or demo.poll() is not None, "the demo's appliance is there", 60)
    told = jinja2.Template(TEMPLATE.read_text()).render(configure_metrics=metrics_ports(tmp_path))
    folder = tmp_path / "prometheus"
    folder.mkdir()
    settings = told.replace("15s", "1s").replace("/etc/prometheus/mailloft/*.yml", str(RULES / "mailloft.yml"))
    (folder / "prometheus.yml").write_text(settings)
    port = free_port()
    running = subprocess.Popen(
        [binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/rows",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        stderr=(folder / "log").open("w"),
    )  # fmt: skip
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as asking:
        yield asking
    running.terminate()
    running.wait(30)


def ask(prometheus: httpx.Client, expr: str, **how: object) -> list[dict[str, Any]]:
    kind = "query_range" if "step" in how else "query"
    answer = prometheus.post(f"/{kind}", data={"query": expr, **how}).json()
    assert answer["status"] == "success", f"{expr}: {answer}"
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


@pytest.mark.timeout(240)
def test_every_question_of_every_dashboard_and_alert_has_a_number_as_its_answer(
    demo: subprocess.Popen[str], prometheus: httpx.Client, tmp_path: Path
) -> None:
    processes = len(metrics_ports(tmp_path))
    _, errors = demo.communicate(timeout=200)
    assert demo.returncode == 0, errors
    now = float(prometheus.get("/query", params={"query": "time()"}).json()["data"]["result"][1])
    answered = ask(prometheus, 'sum(up{job="mailloft"})', start=now - 200, end=now, step=1)[0]["values"]
    at = max(moment for moment, value in answered if float(value) == processes)
    without: dict[str, str] = {}
    for where, expr in questions().items():
        found = ask(prometheus, expr.replace("$__rate_interval", "1m"), time=at)
        if not found or any(math.isnan(float(one["value"][1])) for one in found):
            without[where] = f"{expr}: {found}"
    assert {where for where in without if where not in MAY_BE_EMPTY} == set(), without
