"""Makes an arrival durable: bytes, row and recipients in one group commit, and only then a 250.

Called by mta/inbound/session. The commit is shielded: a peer that hangs up does not cancel it. Disk full is 452 4.3.1,
any other failure of the store 451 4.3.0: the peer keeps the message and comes again.
Crash case: killed before the commit, the peer had no 250 and repeats; killed between commit and 250, it repeats a
message that is there already, the one duplicate that SMTP knows (RFC 5321 §6.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policy.acceptance import Accepted
from role.log import EventLog
from store.arrivals import Incoming, Received
from store.disk import is_full
from store.spool import BLOB_LIMIT, Spool
from store.together import Together

Pieces = Sequence[bytes | memoryview]
Intake = Together[Incoming, int]  # store/arrivals.add; those who wait at the same time are kept together
FULL: Final = "452 4.3.1 No space for the message now, try again later"
FAILED: Final = "451 4.3.0 Could not save the message, try again later"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What came of it: the arrival's id, or the temporary reply."""

    arrival: int | None
    refusal: str | None


async def accept(
    intake: Intake, spool: Spool, log: EventLog, received: Received, pieces: Pieces, recipients: Sequence[Accepted]
) -> Acceptance:
    """Durable when it returns an arrival; `pieces` in a row are the message."""
    return await asyncio.shield(_save(intake, spool, log, received, pieces, recipients))


async def _save(
    intake: Intake, spool: Spool, log: EventLog, received: Received, pieces: Pieces, recipients: Sequence[Accepted]
) -> Acceptance:
    try:
        # A large one is written and synced as a file, which takes its time on a thread.
        small = sum(map(len, pieces)) <= BLOB_LIMIT
        stored = spool.put(*pieces) if small else await asyncio.to_thread(spool.put, *pieces)
        arrival = await asyncio.wrap_future(intake.ask(Incoming(received, stored, recipients)))
        return Acceptance(arrival, None)
    except Exception as error:  # noqa: BLE001 - whatever the store raises, the peer keeps its message
        log.error("arrival not saved", raised=error, peer=received.peer)
        return Acceptance(None, FULL if is_full(error) else FAILED)
