"""A dashboard as Grafana reads it (schema 39, Grafana 10 and later). Pure."""

from __future__ import annotations

from typing import Any, Final

from monitoring.panels import Dashboard, Panel

_WIDE, _HIGH, _ROW = 8, 8, 24  # of Grafana's grid
_STAT_WIDE, _STAT_HIGH = 4, 4
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

# The one that ansible/ gives to Grafana, until its reader chooses another.
_CHOSEN: Final = {
    "name": "datasource", "type": "datasource", "query": "prometheus",
    "current": {"text": "Mailloft", "value": "mailloft"},
}  # fmt: skip


def as_json(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["mailloft"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_CHOSEN]},
        "panels": _placed(dashboard.panels),
    }


def _placed(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """From left to right, then the next row."""
    placed, left, top, high = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        width, height = (_STAT_WIDE, _STAT_HIGH) if panel.kind == "stat" else (_WIDE, _HIGH)
        if left + width > _ROW or (high and height != high):
            left, top = 0, top + high
        placed.append(_panel(number, panel, {"x": left, "y": top, "w": width, "h": height}))
        left, high = left + width, height
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": _SOURCE, "expr": query.expr, "legendFormat": query.legend}
            for at, query in enumerate(panel.queries)
        ],
    }
