"""`python -m monitoring.made`: writes dashboards/*.json and docs/metrics.md anew; the tests compare (`files`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import yaml

from monitoring import catalogue
from monitoring.dashboard import as_json
from monitoring.panels import DASHBOARDS

HERE: Final = Path(__file__).parent
RULES: Final = HERE / "rules" / "mailloft.yml"


def alerts() -> dict[str, str]:
    """The expression of each alert, by its name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def looked_at() -> dict[str, list[str]]:
    """What each dashboard and alert asks."""
    shown = {one.title.partition(": ")[2]: [q.expr for p in one.panels for q in p.queries] for one in DASHBOARDS}
    return shown | {name: [expr] for name, expr in alerts().items()}


def files() -> dict[Path, str]:
    """What is to be in each file."""
    made = {HERE / "dashboards" / f"{one.uid}.json": json.dumps(as_json(one), indent=1) + "\n" for one in DASHBOARDS}
    return made | {HERE.parent / "docs" / "metrics.md": catalogue.page(catalogue.registered(), looked_at())}


if __name__ == "__main__":
    for file, text in files().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
