"""The flags of filed mails changed, and who has others since a MODSEQ (RFC 3501 §6.4.6, RFC 7162).

The caller owns the transaction (on `mail`). FolderGoneError where the folder was deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, bindparam, select, update

from store import folder_state
from store.mail_flags import joined
from store.mail_scan import scan
from store.prepared import Prepared
from store.schema import filed


class Change(Enum):
    """What STORE does to the flags of a mail (RFC 3501 §6.4.6)."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


@dataclass(frozen=True, slots=True)
class Flagged:
    """The flags of a mail after a change, sorted and separated by one space."""

    uid: int
    modseq: int
    flags: str


@dataclass(frozen=True, slots=True)
class Flagging:
    """`changed`: those whose flags are now others; `before`: their MODSEQs until then; `refused`: UIDs.

    `same`: those that had these flags already.
    """

    changed: tuple[Flagged, ...]
    refused: tuple[int, ...]
    before: tuple[int, ...] = ()
    same: tuple[Flagged, ...] = ()


def store_flags(
    tx: Connection,
    folder_id: int,
    uids: Sequence[int],
    change: Change,
    flags: Iterable[str],
    unchanged_since: int | None = None,
) -> Flagging:
    """At most BATCH `uids` a call. Unknown UIDs are passed over; MODSEQ rises only where flags are others now.

    `unchanged_since`: a mail of a higher MODSEQ keeps its flags (RFC 7162 §3.1.3).
    """
    folder_state.lock(tx, folder_id)
    wanted = list(flags)
    changed: dict[int, str] = {}
    before_it: list[int] = []
    refused: list[int] = []
    same: list[Flagged] = []
    for uid, modseq, before in scan(tx, folder_id, uids, ("modseq", "flags")):
        after = joined(_changed(before.split(), change, wanted))
        if unchanged_since is not None and modseq > unchanged_since:
            refused.append(uid)
        elif after != before:
            changed[uid] = after
            before_it.append(modseq)
        else:
            same.append(Flagged(uid, modseq, before))
    if not changed:
        return Flagging((), tuple(refused), (), tuple(same))
    _, modseq = folder_state.touch(tx, folder_id)
    row = {"of_folder": folder_id, "new_modseq": modseq}
    _SET_FLAGS.each(tx, [{**row, "of_uid": uid, "new_flags": after} for uid, after in changed.items()])
    mails = tuple(Flagged(uid, modseq, after) for uid, after in changed.items())
    return Flagging(mails, tuple(refused), tuple(before_it), tuple(same))


def _changed(before: list[str], change: Change, flags: list[str]) -> list[str]:
    if change is Change.REPLACE:
        return flags
    if change is Change.ADD:
        return before + flags
    without = {flag.lower() for flag in flags}
    return [flag for flag in before if flag.lower() not in without]


def flags_since(tx: Connection, folder_id: int, modseq: int) -> list[Flagged]:
    """Those of a higher MODSEQ, by UID."""
    rows = _FLAGS_SINCE.rows(tx, of_folder=folder_id, since=modseq)
    # Sorted here: to have them in order SQLite would read the whole folder by its primary key.
    return sorted((Flagged(*row) for row in rows), key=lambda mail: mail.uid)


_OF_FOLDER = filed.c.folder_id == bindparam("of_folder")
_FLAGS_SINCE = Prepared(
    select(filed.c.uid, filed.c.modseq, filed.c.flags).where(_OF_FOLDER, filed.c.modseq > bindparam("since"))
)
_SET_FLAGS = Prepared(
    update(filed)
    .where(_OF_FOLDER, filed.c.uid == bindparam("of_uid"))
    .values(flags=bindparam("new_flags"), modseq=bindparam("new_modseq"))
)
