"""The rows that wait in one lane: the most urgent first, of those who has waited longest; no I/O.

Mail that somebody waits for stands behind no campaign. A connection takes rows of its own domain before others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from mta.outbound.job import Job
from policy.fairness import CLASSES

URGENCY: Final = {name: place for place, name in enumerate(CLASSES)}


class LaneQueue:
    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    def push(self, job: Job) -> None:
        """Behind what is as urgent."""
        jobs = self._jobs
        if not jobs or URGENCY[jobs[-1].retry] <= URGENCY[job.retry]:
            jobs.append(job)
        else:
            jobs.insert(next(at for at, one in enumerate(jobs) if URGENCY[one.retry] > URGENCY[job.retry]), job)

    def push_back(self, job: Job) -> None:
        """One that was taken and not tried: it is the next."""
        self._jobs.appendleft(job)

    def take(self, domain: str) -> Job:
        """The row that has waited longest of the most urgent, those of the connection's own domain first."""
        for at, job in enumerate(self._jobs):
            if job.retry != self._jobs[0].retry:
                break
            if job.forward.domain == domain:
                del self._jobs[at]
                return job
        return self._jobs.popleft()

    def plain_at(self, domain: str) -> int | None:
        """Where, of the most urgent rows, the first is that a connection opened for `domain` carries unasked."""
        for at, job in enumerate(self._jobs):
            if job.retry != self._jobs[0].retry:
                return None
            plain = job.recipe.requires_tls is not True and job.recipe.kept is None
            if plain and job.forward.ascii_domain == domain:
                return at
        return None

    def take_at(self, at: int) -> Job:
        job = self._jobs[at]
        del self._jobs[at]
        return job

    def remove(self, wanted: Callable[[Job], bool]) -> list[Job]:
        """Those that `wanted` says, taken out; the others keep their order."""
        gone, kept = list[Job](), deque[Job]()
        for job in self._jobs:
            (gone if wanted(job) else kept).append(job)
        self._jobs = kept
        return gone
