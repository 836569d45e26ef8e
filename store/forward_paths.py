"""Whether the MX takes mail for a forward-path: for all that sessions ask about at a time, on one state of `core`.

Called by mta/inbound at RCPT through store/together. A mailbox that refuses the reverse-path is answered as
policy/correspondents says. Room in a mailbox is asked elsewhere: it is of another database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from mail.address import Address
from policy import acceptance, correspondents
from policy.acceptance import Accepted, Refusal, Signatures
from store.addresses import place_of
from store.correspondents import kept_for

Verdict = tuple[Accepted, ...] | Refusal


@dataclass(frozen=True, slots=True)
class Asked:
    """A RCPT; `reverse_path` "" is the null path."""

    address: Address
    reverse_path: str


@dataclass(frozen=True, slots=True)
class ForwardPaths:
    hostname: str
    postmaster: str  # the key of the mailbox that gets mail for our own host name
    signed: Signatures

    def judge(self, core: Connection, asked: Sequence[Asked]) -> list[Verdict]:
        today = datetime.now(UTC).date()
        return [self._one(core, one, today) for one in asked]

    def _one(self, core: Connection, asked: Asked, today: date) -> Verdict:
        place = place_of(core, asked.address, self.hostname, self.postmaster)
        verdict = acceptance.judge(asked.address, place, self.signed, today)
        if isinstance(verdict, Refusal) or not all(one.picky for one in verdict):
            return verdict
        boxes = {one.target for one in verdict if one.target is not None}
        kept = kept_for(core, boxes, correspondents.entries(asked.reverse_path))
        refused = correspondents.refuses([kept.get(box, {}) for box in boxes], asked.reverse_path)
        return Refusal.UNWANTED if refused else verdict
