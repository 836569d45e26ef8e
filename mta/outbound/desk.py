"""What a lane asks of the daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mta.outbound.job import Job
from mta.outbound.tried import Tried
from mta.outbound.turns import Turns
from net.smtp_connection import Message


@dataclass(frozen=True, slots=True)
class Desk:
    """To make a row's octets, to take its result, and whether the final dot is allowed.

    `octets` gives None where the row needs no attempt (its result is already taken); `large` is the same for a row
    whose recipe has no octets yet; `turns` are taken by campaigns.
    """

    octets: Callable[[Job], Message | None]
    tried: Callable[[Tried], None]
    returned: Callable[[Job, str], None]
    may_end: Callable[[], bool]
    large: Callable[[Job], Awaitable[Message | None]]
    turns: Turns
