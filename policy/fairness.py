"""How many rows of which flow are promoted next.

Pure. Transactional mail goes first, then what programs submitted, then campaigns, each with a floor: some of what a
worker may hold, and of each site's room, is kept free of the classes behind it. Within a class the projects take
turns, so that one project's million does not delay another's ten. Within a project the site goes first that has the
fewest rows in the lanes: a slow site keeps what it has and gets no more, so it blocks no other. *Lost:* the flow that
waits longest first; two slow sites then hold all rows that a worker may hold (8 sites: 64 messages/s instead of 250).
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

CLASSES: Final = ("transactional", "submission", "campaign")
TURN: Final = 20  # rows at most that a flow gets at once; each flow that is claimed from costs a statement
# The share of all rows that a worker may hold which a class leaves to those before it, and the rows of a site's room
# that it has beyond the campaigns'.
LEFT_FREE: Final = {"transactional": 0.0, "submission": 0.05, "campaign": 0.1}
BEYOND: Final = {"transactional": 20, "submission": 10, "campaign": 0}


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


def shares(flows: Sequence[Waiting], room: Mapping[str, int], capacity: int, whole: int = 0) -> dict[int, int]:
    """Rows to claim by flow id, at most `capacity` in all and `room[site]` for each site; flows in order of age.

    `whole`: what `capacity` is when nothing is held; `room` may be below 0 where urgent rows went beyond it.
    """
    chosen: dict[int, int] = {}
    taken: Counter[str] = Counter()
    for name in CLASSES:
        free = int(whole * LEFT_FREE[name])
        left = {site: count + BEYOND[name] - taken[site] for site, count in room.items()}
        before = dict(left)
        turns = deque(_by_project((flow for flow in flows if flow.retry == name), left))
        turn = max(1, min(TURN, (capacity - free) // max(1, len(turns))))
        while turns and capacity > free:
            mine = turns.popleft()
            seen, age, flow = heappop(mine)
            count = min(turn, capacity - free, left[flow.site], flow.queued - chosen.get(flow.id, 0))
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
        taken.update({site: count - left[site] for site, count in before.items() if count != left[site]})
    return chosen


def _by_project(flows: Iterable[Waiting], left: Mapping[str, int]) -> list[list[tuple[int, int, Waiting]]]:
    """For each project a heap of its flows, on top the one whose site has most room, then the oldest."""
    heaps: dict[int, list[tuple[int, int, Waiting]]] = defaultdict(list)
    for age, flow in enumerate(flows):
        heaps[flow.project_id].append((-left[flow.site], age, flow))
    for heap in heaps.values():
        heapify(heap)
    return list(heaps.values())
