"""Rows and octets -> FETCH answers (RFC 3501 §7.4.2). No parsing here: what FETCH asks was worked out at filing.

Rows are read at most BATCH at a time, each batch in a read transaction of its own that is over before its answers
are written, so a client that reads slowly holds none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final

from imap import wire_text
from imap.answer import RefusedError
from imap.contents import Contents
from imap.session import Session
from imap.view import View
from imap.wire_fetch import Form, Item, Octets, Section, Wanted
from mail.binary import UnknownEncodingError, decoded
from mail.mime_index import PartIndex
from store import mail_scan
from store.mail_scan import BATCH

_COLUMNS: Final = {
    Item.FLAGS: "flags",
    Item.MODSEQ: "modseq",
    Item.INTERNALDATE: "internaldate",
    Item.SAVEDATE: "saved_at",
    Item.EMAILID: "email_id",
    Item.THREADID: "thread_id",
    Item.PREVIEW: "preview",
    Item.SIZE: "size_bytes",
    Item.ENVELOPE: "envelope",
    Item.BODY: "body",
    Item.BODYSTRUCTURE: "bodystructure",
}
# How each is told, and what makes octets or a number of the row's value where it is neither.
_TOLD: Final[dict[Item, tuple[bytes, Callable[[Any], bytes] | None]]] = {
    Item.FLAGS: (b"FLAGS (%b)", str.encode),
    Item.MODSEQ: (b"MODSEQ (%d)", None),
    Item.INTERNALDATE: (b"INTERNALDATE %b", wire_text.date_time),
    Item.SAVEDATE: (b"SAVEDATE %b", wire_text.date_time),
    Item.EMAILID: (b"EMAILID (%b)", str.encode),
    Item.THREADID: (b"THREADID (%b)", str.encode),
    Item.PREVIEW: (b"PREVIEW %b", lambda value: wire_text.string(value.encode())),
    Item.SIZE: (b"RFC822.SIZE %d", None),
    Item.ENVELOPE: (b"ENVELOPE %b", None),
    Item.BODY: (b"BODY %b", None),
    Item.BODYSTRUCTURE: (b"BODYSTRUCTURE %b", None),
}
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?")
_ROWS_A_PIECE: Final = 200


def fetched(session: Session, uids: Sequence[int], wanted: Sequence[Wanted]) -> Generator[bytes, None, int]:
    """`* n FETCH (...)` for each of `uids` that is still there, in order; how many are not."""
    gone = 0
    for start in range(0, len(uids), BATCH):
        gone += yield from _batch(session, uids[start : start + BATCH], wanted)
    return gone


def _batch(session: Session, uids: Sequence[int], wanted: Sequence[Wanted]) -> Generator[bytes, None, int]:
    items = [item for item in wanted if isinstance(item, Item) and item is not Item.UID]
    octets = [item for item in wanted if isinstance(item, Octets)]
    columns = [_COLUMNS[item] for item in items]
    if octets:
        columns += ["size_bytes", "content_id", "parts"]
    view, backing = session.selected, session.backing
    with backing.stores.mail.database.read() as tx:
        rows: Sequence[Sequence[Any]] = mail_scan.scan(tx, view.folder.id, uids, columns)
    gone = len(uids) - len(rows)
    if Item.FLAGS in items:
        place = 1 + items.index(Item.FLAGS)
        yield view.introduced({row[place] for row in rows})
        rows = _with_recent(view, rows, place) if view.recent else rows
    line = _Line(items, Item.UID in wanted, tells_octets=bool(octets))
    numbers = _numbers(view, rows)
    if not octets:
        for start in range(0, len(rows), _ROWS_A_PIECE):  # a step per mail would cost more than the mail
            part = slice(start, start + _ROWS_A_PIECE)
            yield line.of_all(numbers[part], rows[part])
        return gone
    contents = Contents(backing.stores.mail.database, backing.spool, [(row[-2], row[-3]) for row in rows])
    for number, row in zip(numbers, rows, strict=True):
        yield line.of(number, row, _sections(contents.read(row[-2]), row[-1], octets))
    return gone


def _numbers(view: View, rows: Sequence[Sequence[Any]]) -> Sequence[int]:
    """Of all rows; looked up only at both ends where nothing lies between."""
    if not rows:
        return ()
    first, last = view.number_of(rows[0][0]), view.number_of(rows[-1][0])
    if last - first == len(rows) - 1:
        return range(first, last + 1)
    return [view.number_of(row[0]) for row in rows]


class _Line:
    """`* n FETCH (...)` as one format for all rows of a command."""

    def __init__(self, items: Sequence[Item], tells_uid: bool, tells_octets: bool) -> None:
        self._made = [(place, make) for place, item in enumerate(items, 1) if (make := _TOLD[item][1]) is not None]
        self._columns = slice(0 if tells_uid else 1, len(items) + 1)
        words = [b"UID %d"] if tells_uid else []
        words += [_TOLD[item][0] for item in items]
        words += [b"%b"] if tells_octets else []
        self._format = b"* %d FETCH (" + b" ".join(words) + b")\r\n"

    def of_all(self, numbers: Sequence[int], rows: Sequence[Sequence[Any]]) -> bytes:
        """One after the other, without octets; column by column, half of the time that row by row takes."""
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for place, make in self._made:
            columns[place] = map(make, columns[place])
        return b"".join(map(self._format.__mod__, zip(numbers, *columns[self._columns], strict=True)))

    def of(self, number: int, row: Sequence[Any], octets: bytes | None = None) -> bytes:
        values = list(row)
        for place, make in self._made:
            values[place] = make(values[place])
        more = () if octets is None else (octets,)
        return self._format % (number, *values[self._columns], *more)


def _with_recent(view: View, rows: Sequence[Sequence[Any]], place: int) -> list[Sequence[Any]]:
    def flags(row: Sequence[Any]) -> str:
        return f"\\Recent {row[place]}".rstrip() if view.is_recent(row[0]) else row[place]

    return [(*row[:place], flags(row), *row[place + 1 :]) for row in rows]


def _sections(raw: bytes | None, parts: bytes, wanted: list[Octets]) -> bytes:
    places = PartIndex.from_bytes(parts)
    return b" ".join([item.label + b" " + _answered(raw, places, item) for item in wanted])


def _answered(raw: bytes | None, places: PartIndex, item: Octets) -> bytes:
    """A part that is not there is empty, as other servers have it; NIL where the whole mail has gone meanwhile."""
    if raw is None:
        return b"0" if item.form is Form.DECODED_SIZE else b"NIL"
    octets = _octets(raw, places, item) or b""
    if item.form is Form.DECODED_SIZE:
        return b"%d" % len(octets)
    if item.first is not None:
        octets = octets[item.first : item.first + item.length]
    return (b"~" if item.form is Form.DECODED else b"") + wire_text.literal(octets)


def _octets(raw: bytes, places: PartIndex, item: Octets) -> bytes | None:
    if item.form is Form.AS_RECEIVED:
        return section(raw, places, item.section)
    try:
        return decoded(raw, places, ".".join(map(str, item.section.part)))
    except UnknownEncodingError as error:
        raise RefusedError(str(error), b"UNKNOWN-CTE") from error


def section(raw: bytes, places: PartIndex, wanted: Section) -> bytes | None:
    """The octets of a section as they were received; None where the mail has no such part."""
    text = wanted.text.partition(b".")[0].decode()
    part = ".".join(map(str, wanted.part))
    place = places.place(".".join(filter(None, (part, text))))
    if place is None:
        return None
    octets = raw[slice(*place)]
    if not wanted.fields:
        return octets
    return _chosen_fields(octets, wanted.fields, without=wanted.text.endswith(b".NOT"))


def _chosen_fields(header: bytes, names: tuple[bytes, ...], without: bool) -> bytes:
    """The fields as they stand, and the blank line (RFC 3501 §6.4.5)."""
    asked = {name.lower() for name in names}
    chosen = [found[0] for found in _FIELD.finditer(header) if (found[1].lower() in asked) != without]
    return b"".join(chosen) + b"\r\n"
