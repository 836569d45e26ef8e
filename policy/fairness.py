"""How many rows of which flow are promoted next.

Pure. Transactional mail goes first, then what programs submitted, then campaigns; within a class the projects take
turns, so that one project's million does not delay another's ten. Within a project the site goes first that has the
fewest rows in the lanes: a slow site keeps what it has and gets no more, so it blocks no other. *Lost:* the flow that
waits longest first; two slow sites then hold all rows that a worker may hold (8 sites: 64 messages/s instead of 250).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

CLASSES: Final = ("transactional", "submission", "campaign")
TURN: Final = 20  # rows at most that a flow gets at once; each flow that is claimed from costs a statement


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
        turns = deque(_by_project((flow for flow in flows if flow.retry == name), left))
        turn = max(1, min(TURN, capacity // max(1, len(turns))))
        while turns and capacity > 0:
            mine = turns.popleft()
            seen, age, flow = heappop(mine)
            count = min(turn, capacity, left[flow.site], flow.queued - chosen.get(flow.id, 0))
            if seen != -left[flow.site]:  # the site was served meanwhile: this flow may no longer be the next
                heappush(mine, (-left[flow.site], age, flow))
                turns.appendleft(mine)
                continue
            if count > 0:
                chosen[flow.id] = chosen.get(flow.id, 0) + count
                left[flow.site] -= count
                capacity -= count
                heappush(mine, (-left[flow.site], age, flow))
            if mine:
                turns.append(mine)
    return chosen


def _by_project(flows: Iterable[Waiting], left: Mapping[str, int]) -> list[list[tuple[int, int, Waiting]]]:
    """For each project a heap of its flows, on top the one whose site has most room, then the oldest."""
    heaps: dict[int, list[tuple[int, int, Waiting]]] = defaultdict(list)
    for age, flow in enumerate(flows):
        heaps[flow.project_id].append((-left[flow.site], age, flow))
    for heap in heaps.values():
        heapify(heap)
    return list(heaps.values())
