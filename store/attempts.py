"""Every attempt at a ledger row: when, from which source, at which host, what it answered.

In `events`, written right after the settlement in `core`. Crash case: between the two an attempt's line is lost,
never its outcome, which the ledger row itself keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, insert, select

from store.prepared import Prepared
from store.schema import attempts


class Attempt(msgspec.Struct, frozen=True):
    """`host` is the remote name and address, `tls` the protocol or None; `transcript` only where it was not a 250."""

    recipient_id: int
    at: datetime
    source: str
    host: str
    tls: str | None
    code: int | None
    words: str
    transcript: str | None
    milliseconds: int


_RECORD = Prepared(insert(attempts).values({name: bindparam(name) for name in Attempt.__struct_fields__}).inline())


def record(tx: Connection, made: Sequence[Attempt]) -> None:
    if made:
        _RECORD.each(tx, map(msgspec.structs.asdict, made))


def of_recipient(connection: Connection, recipient_id: int) -> list[Attempt]:
    """The attempts of one row, the oldest first."""
    columns = [attempts.c[name] for name in Attempt.__struct_fields__]
    wanted = select(*columns).where(attempts.c.recipient_id == recipient_id).order_by(attempts.c.id)
    return [Attempt(*row) for row in connection.execute(wanted)]
