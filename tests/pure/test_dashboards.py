"""Grafana, which Debian does not have, could read each dashboard: fields as in its schema, panels side by side."""

from __future__ import annotations

import json
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "monitoring/dashboards").glob("*.json"))
TEMPLATES = ROOT / "ansible/roles/configure/templates"
# Of the panels and units that Grafana knows, those that we may show.
KINDS = {"timeseries", "stat"}
UNITS = {"short", "s", "bytes", "Bps", "percentunit"}


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    assert found["uid"] == request.param.stem
    return found


def test_it_says_who_it_is(dashboard: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard["uid"])
    assert 0 < len(dashboard["title"]) <= 5000
    assert dashboard["schemaVersion"] >= 36  # below, a datasource is a name and no {type, uid}
    assert isinstance(dashboard["editable"], bool)
    assert re.fullmatch(r"\d+[smh]", dashboard["refresh"])
    assert set(dashboard["time"]) == {"from", "to"}
    assert all(isinstance(tag, str) for tag in dashboard["tags"])
    assert "id" not in dashboard  # the number within one Grafana, which provisioning must not claim


def test_its_panels_have_numbers_kinds_units_and_questions(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 0
    for panel in panels:
        assert isinstance(panel["id"], int)
        assert panel["type"] in KINDS
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["fieldConfig"]["overrides"] == []
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)) != []
        assert all(target["expr"].strip() and isinstance(target["legendFormat"], str) for target in panel["targets"])


def test_each_asks_the_one_datasource_that_the_page_names(dashboard: dict[str, Any]) -> None:
    (variable,) = dashboard["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    asked = [panel["datasource"] for panel in dashboard["panels"]]
    asked += [target["datasource"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert all(one == {"type": "prometheus", "uid": f"${{{variable['name']}}}"} for one in asked)
    given = yaml.safe_load(_rendered("grafana_datasources.yml.j2"))["datasources"]
    assert variable["current"]["value"] in {one["uid"] for one in given}


def test_no_panel_lies_over_another_or_beside_the_page(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert set(place) == {"x", "y", "w", "h"}
        assert min(place["w"], place["h"]) > 0
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    # Grafana moves what hangs in the air, and the page would not be the one that was looked at.
    tops = sorted({(place["y"], place["y"] + place["h"]) for place in places})
    assert tops[0][0] == 0
    assert all(earlier[1] == later[0] for earlier, later in pairwise(tops))


def test_no_two_have_the_same_name() -> None:
    read = [json.loads(file.read_text()) for file in FILES]
    assert len({one["uid"] for one in read}) == len({one["title"] for one in read}) == len(read) == 5


def test_grafana_is_told_of_them_in_its_own_words() -> None:
    """Its provisioning files of version 1; the test of the deployment looks at where they lie."""
    told = yaml.safe_load(_rendered("grafana_dashboards.yml.j2"))
    assert told["apiVersion"] == 1
    (provider,) = told["providers"]
    assert (provider["type"], provider["options"]) == ("file", {"path": "/etc/grafana/mailloft"})
    sources = yaml.safe_load(_rendered("grafana_datasources.yml.j2"))
    assert sources["apiVersion"] == 1
    (source,) = sources["datasources"]
    assert (source["type"], source["access"], source["url"]) == ("prometheus", "proxy", "http://prometheus.test:9090")


def _rendered(name: str) -> str:
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(
        (TEMPLATES / name).read_text()
    )
    return template.render(mailloft_prometheus_url="http://prometheus.test:9090")
