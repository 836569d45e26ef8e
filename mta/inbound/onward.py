"""The copies of an arrival that go on to other hosts, with the header that shows a loop (RFC 5321 §3.9.1, §6.3).

Called by the sorter's thread, before the transaction that queues them (store/onward.py): a large copy is a file of its
own by then. Crash case: killed between, that file is left for `Spool.sweep`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from mail.address import Address, parse_mailbox
from mail.srs import Srs
from policy.acceptance import Purpose
from policy.forwarding import goes_on, is_proved, onward_path
from store.arrivals import Arrival, Recipient
from store.onward import Onward, vias
from store.spool import Spool
from store.stores import Stores

_RETURN_PATH: Final = re.compile(rb"\AReturn-Path:[^\n]*\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sending:
    """What it takes to send mail on."""

    stores: Stores
    spool: Spool
    srs: Srs

    def copies(self, arrival: Arrival, content: bytes, junk: bool) -> tuple[Onward, ...]:
        """One for each target; none where nothing goes on."""
        if not goes_on([one.purpose for one in arrival.recipients], junk=junk):
            return ()
        with self.stores.core.database.read() as core:
            via = vias(core, {one.target for one in arrival.recipients if one.target is not None})
        sender = parse_mailbox(arrival.reverse_path) if arrival.reverse_path else None
        proved, today = is_proved(sender, arrival.authentication), arrival.received_at.date()
        plain = _RETURN_PATH.sub(b"", content, count=1)
        found: dict[str, Onward] = {}
        for recipient in arrival.recipients:
            target = self._target(recipient, today)
            home = via.get(recipient.target or 0)
            if target is not None and home is not None and target.normalised not in found:
                stored = self.spool.put(f"Delivered-To: {target}\r\n".encode() + plain)
                path = onward_path(sender, proved, home.domain, self.srs, today)
                found[target.normalised] = Onward(home, target, path, stored)
        return tuple(found.values())

    def _target(self, recipient: Recipient, today: date) -> Address | None:
        match recipient.purpose:
            case Purpose.FORWARD:
                return parse_mailbox(recipient.address)
            case Purpose.RETURN:
                return self.srs.original(parse_mailbox(recipient.address).local, today)
        return None
