"""Which flows are looked at in a round of promotion: of each class and campaign the head, and a page of the rest.

In memory, one for each sender process; called on a thread that may block. The head is what has waited longest. Where it
is full it may all stand still (lanes full, slowed campaigns), so a further page is looked at, the next one each round:
a flow that could go is met after at most as many rounds as there are pages before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from role.context import Context
from store import due_flows
from store.due_flows import Look, Page
from store.flows import Flow

PAGE: Final = 500  # flows


class Offering:
    """`slots`: of the sites that hash to them this process is the only sender on its node."""

    def __init__(self, context: Context, slots: Sequence[int], page: int = PAGE) -> None:
        self._context = context
        self._slots = slots
        self._page = page
        self._walked: dict[str | int, Flow] = {}  # by class or campaign, the last flow of the page before

    def look(self, resting: Sequence[str]) -> list[Flow]:
        """`resting`: the "pool site" where nobody is awake."""
        look = Look(self._slots, datetime.now(UTC), self._page, resting)
        walked: dict[str | int, Flow] = {}
        with self._context.stores.core.database.read() as core:
            pages = due_flows.heads(core, look)
            for head in [page for page in pages if not page.last]:
                page = due_flows.behind(core, look, head, self._after(head))
                if not page.last:
                    walked[page.group] = page.flows[-1]
                pages.append(page)
        self._walked = walked
        return [flow for page in pages for flow in page.flows]

    def _after(self, head: Page) -> Flow:
        """Behind which flow the page of this round begins."""
        end = head.flows[-1]
        return max(end, self._walked.get(head.group, end), key=lambda flow: (flow.next_due, flow.id))
