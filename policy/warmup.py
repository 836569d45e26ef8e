"""How much a new address may send to a provider on a day of its warm-up.

Pure. Plans are data (policy/providers.toml): messages a day for each provider, day by day from the source's `warmup`
date; behind the last day the address is warm. mta/outbound/pacing.py asks at promotion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

Plan = Mapping[str, Sequence[int]]  # by provider; "default" for the others, all of them together


def allowance(plan: Plan, provider: str, begun: date | None, today: date) -> int | None:
    """Messages of this day in all; None: no limit, the address is warm there. Before it begins: none."""
    if begun is None:
        return None
    day = (today - begun).days
    volumes = plan.get(provider) or plan.get("default") or ()
    if day < 0:
        return 0
    return volumes[day] if day < len(volumes) else None


def row_of(plan: Plan, provider: str) -> str:
    """Which row of the plan counts for a provider, so that the many small ones share one."""
    return provider if provider in plan else "default"
