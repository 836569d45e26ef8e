"""Which flows are looked at in a round of promotion: of each class the head, and a page that walks through the rest.

In memory, one for each sender process; called on a thread that may block. The head is what has waited longest. Where it
is full it may all stand still (lanes full, slowed campaigns), so a further page is looked at, the next one each round:
a flow that could go is met after at most as many rounds as there are pages before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from policy.fairness import CLASSES
from role.context import Context
from store import due_flows
from store.flows import Flow

PAGE: Final = 500  # flows


class Offering:
    """`slots`: of the sites that hash to them this process is the only sender on its node."""

    def __init__(self, context: Context, slots: Sequence[int], page: int = PAGE) -> None:
        self._context = context
        self._slots = slots
        self._page = page
        self._walked: dict[str, Flow] = {}  # by class, the last flow of the page before

    def look(self, resting: Sequence[str]) -> list[Flow]:
        """`resting`: the "pool site" where nobody is awake."""
        now = datetime.now(UTC)
        with self._context.stores.core.database.read() as core:
            found = due_flows.due(core, self._slots, now, self._page, resting)
            for name in CLASSES:
                head = [flow for flow in found if flow.retry == name]
                if (last := self._last(name, head)) is not None:
                    page = due_flows.behind(core, last, self._slots, now, self._page, resting)
                    self._step(name, page)
                    found += page
        return found

    def _last(self, name: str, head: Sequence[Flow]) -> Flow | None:
        """Behind which flow the page of this round begins; None: the head was all."""
        if len(head) < self._page:
            self._walked.pop(name, None)
            return None
        walked = self._walked.get(name, head[-1])
        return max(head[-1], walked, key=lambda flow: (flow.next_due, flow.id))

    def _step(self, name: str, page: Sequence[Flow]) -> None:
        if len(page) < self._page:
            self._walked.pop(name, None)
        else:
            self._walked[name] = page[-1]
