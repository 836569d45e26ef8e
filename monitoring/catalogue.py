"""docs/metrics.md: every metric that the code registers, and where it is looked at.

`registered` imports the modules of all roles into this process, so it is for the command and for a process of a test.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

_OF_MODULES: Final = (
    ("mta.outbound", "sender"), ("mta.submission", "submission"), ("mta.inbound.sort", "sorter"),
    ("mta.inbound.report_keep", "sorter"), ("mta.inbound", "mx"), ("mta", "mx, submission"), ("imap", "imap"),
    ("admin.daemon", "admin"), ("admin.acts", "admin"), ("admin.report_post", "admin"), ("admin", "clock"),
    ("net.smtp_connection", "sender"),
    ("net", "sender, mx, clock, admin"), ("role.renewal", "mx, submission, imap, admin"), ("role", "every process"),
    ("store", "every process that writes"),
)  # fmt: skip
_UNITS: Final = (
    ("_timestamp_seconds", "seconds since 1970"), ("_heartbeat_seconds", "seconds since 1970"), ("_seconds", "seconds"),
    ("_bytes", "bytes"), ("octets_total", "octets"), ("_total", "events"), ("_info", "1"), ("", "count"),
)  # fmt: skip
_HEAD: Final = """# Metrics

Every process answers `/metrics` (settings: `[metrics]`; ports of the units: 9511 and up, see systemd/). `make
dashboards` writes this file from the code; a test fails where a metric is missing here or no longer there. Beside
these each process has the library's own `process_*` and `python_*`. A site is counted by its provider (the table of
`[shaping]`) or as `other`. What the clock tells of rows is the same on every node of one database: use max, not sum.
[runbooks.md](runbooks.md) says what to do when an alert comes.

| metric | type | labels | unit | process | what it tells | looked at by |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str
    labels: tuple[str, ...]
    told: str
    module: str

    @property
    def exported(self) -> str:
        return f"{self.name}_total" if self.kind == "counter" else self.name


def registered() -> list[Metric]:
    from prometheus_client import metrics as kinds

    from admin.roles import ROLES

    for role in ROLES:
        import_module(role.module)
    found: dict[str, list[Metric]] = {}
    for name, module in list(sys.modules.items()):
        for one in list(vars(module).values()) if module is not None else ():
            if isinstance(one, kinds.MetricWrapperBase):
                described = next(iter(one.describe()))
                # The library tells the names of labels nowhere but there.
                metric = Metric(described.name, described.type, one._labelnames, described.documentation, name)
                # The module that made it has the longest name among those that import it from above.
                found.setdefault(described.name, []).append(metric)
    return [_owner(found[name]) for name in sorted(found)]


def _owner(seen: Sequence[Metric]) -> Metric:
    """Of the modules that know it by name, the lowest, which made it."""
    order = ["mail", "policy", "store", "net", "role", "mta", "imap", "admin"]
    return min(seen, key=lambda one: (order.index(one.module.split(".")[0]), one.module.count("."), one.module))


def page(metrics: Sequence[Metric], looked_at: Mapping[str, Collection[str]]) -> str:
    """`looked_at`: the expressions of each dashboard and alert, by its name."""
    return _HEAD + "".join(_row(metric, looked_at) + "\n" for metric in metrics)


def _row(metric: Metric, looked_at: Mapping[str, Collection[str]]) -> str:
    named = re.compile(rf"\b{metric.exported}(_bucket|_count|_sum)?\b")
    by = [where for where, exprs in looked_at.items() if any(named.search(expr) for expr in exprs)]
    unit = next(words for end, words in _UNITS if metric.exported.endswith(end))
    process = next(roles for prefix, roles in _OF_MODULES if metric.module.startswith(prefix))
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    cells = (f"`{metric.exported}`", metric.kind, labels, unit, process, metric.told, ", ".join(by))
    return "| " + " | ".join(cells) + " |"
