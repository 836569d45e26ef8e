"""How many rows of which flow are promoted next.

Pure. Transactional mail goes first, then what programs submitted, then campaigns; within a class the projects take
turns, and within a project its flows, so that one project's million does not delay another's ten. A site takes no
more than its lanes have room for, so a blocked site blocks no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

CLASSES: Final = ("transactional", "submission", "campaign")


class Waiting(Protocol):
    """What is asked of a flow."""

    @property
    def id(self) -> int: ...
    @property
    def project_id(self) -> int: ...
    @property
    def site(self) -> str: ...
    @property
    def retry(self) -> str: ...
    @property
    def queued(self) -> int: ...


def shares(flows: Sequence[Waiting], room: Mapping[str, int], capacity: int) -> dict[int, int]:
    """Rows to claim by flow id, at most `capacity` in all and `room[site]` for each site; flows in order of age."""
    left = dict(room)
    chosen: dict[int, int] = {}
    for name in CLASSES:
        mine = [flow for flow in flows if flow.retry == name]
        while capacity > 0 and (turn := _turn(mine, chosen, left)):
            part = max(1, capacity // len(turn))
            for flow in turn:
                count = min(part, capacity, left[flow.site], flow.queued - chosen.get(flow.id, 0))
                if count > 0:
                    chosen[flow.id] = chosen.get(flow.id, 0) + count
                    left[flow.site] -= count
                    capacity -= count
    return chosen


def _turn(flows: Sequence[Waiting], chosen: Mapping[int, int], left: Mapping[str, int]) -> list[Waiting]:
    """One flow of each project that still wants and may have more: the one that got least so far."""
    open_flows: dict[int, list[Waiting]] = defaultdict(list)
    for flow in flows:
        if flow.queued > chosen.get(flow.id, 0) and left.get(flow.site, 0) > 0:
            open_flows[flow.project_id].append(flow)
    return [min(mine, key=lambda flow: chosen.get(flow.id, 0)) for mine in open_flows.values()]
