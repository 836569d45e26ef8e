"""One claimed row on its way through a lane, and what the lane makes of it."""

from __future__ import annotations

import msgspec

from mail.address import Address
from mail.template import Values
from mta.outbound.compose import Recipe
from policy.rotation import EgressSource
from store.attempts import Attempt
from store.ledger import Claimed, Settlement


class Job(msgspec.Struct, frozen=True):
    """A row with all that is needed to send it; `retry` is the class of its retry plan.

    `warming`: the row of a warm-up plan that an attempt counts for (mta/outbound/warming.py), or "".
    """

    row: Claimed
    recipe: Recipe
    forward: Address
    variables: Values
    source: EgressSource
    site: str
    retry: str
    pool: str = ""
    warming: str = ""


class Done(msgspec.Struct, frozen=True):
    """How a row leaves this worker's hands, and the attempt to be logged where one was made."""

    settlement: Settlement
    attempt: Attempt | None = None
