"""Rows and octets -> FETCH answers (RFC 3501 §7.4.2). No parsing here: what FETCH asks was worked out at filing.

Rows are read at most BATCH at a time, each batch in a read transaction of its own that is over before its answers
are written, so a client that reads slowly holds none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final

from imap import wire_text
from imap.answer import RefusedError
from imap.contents import Contents
from imap.session import Session
from imap.view import View
from imap.wire_fetch import Form, Item, Octets, Section, Wanted
from mail.binary import UnknownEncodingError, decoded
from mail.mime_index import PartIndex
from store import filing
from store.filing import BATCH

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
_WRITERS: Final[dict[Item, Callable[[Any], bytes]]] = {
    Item.FLAGS: lambda value: b"FLAGS (" + value.encode("ascii") + b")",
    Item.MODSEQ: lambda value: b"MODSEQ (%d)" % value,
    Item.SAVEDATE: lambda value: b"SAVEDATE " + wire_text.date_time(value),
    Item.EMAILID: lambda value: b"EMAILID (" + value.encode("ascii") + b")",
    Item.THREADID: lambda value: b"THREADID (" + value.encode("ascii") + b")",
    Item.PREVIEW: lambda value: b"PREVIEW " + wire_text.string(value.encode()),
    Item.INTERNALDATE: lambda value: b"INTERNALDATE " + wire_text.date_time(value),
    Item.SIZE: lambda value: b"RFC822.SIZE %d" % value,
    Item.ENVELOPE: lambda value: b"ENVELOPE " + value,
    Item.BODY: lambda value: b"BODY " + value,
    Item.BODYSTRUCTURE: lambda value: b"BODYSTRUCTURE " + value,
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
        rows = [tuple(row) for row in filing.scan(tx, view.folder.id, uids, columns)]
    gone = len(uids) - len(rows)
    if view.recent and Item.FLAGS in items:
        rows = _with_recent(view, rows, 1 + items.index(Item.FLAGS))
    writers = [_WRITERS[item] for item in items]
    tells_uid = Item.UID in wanted
    if not octets:
        yield from _plain(view.number_of, rows, writers, tells_uid)
        return gone
    contents = Contents(backing.stores.mail.database, backing.spool, [(row[-2], row[-3]) for row in rows])
    for row in rows:
        words = [write(value) for write, value in zip(writers, row[1:], strict=False)]
        words += _sections(contents.read(row[-2]), row[-1], octets)
        yield _line(view.number_of(row[0]), row[0] if tells_uid else None, words)
    return gone


def _with_recent(view: View, rows: list[tuple[Any, ...]], place: int) -> list[tuple[Any, ...]]:
    def flags(row: tuple[Any, ...]) -> str:
        return f"\\Recent {row[place]}".rstrip() if view.is_recent(row[0]) else row[place]

    return [(*row[:place], flags(row), *row[place + 1 :]) for row in rows]


def _plain(
    number_of: Callable[[int], int], rows: list[tuple[Any, ...]], writers: list[Callable[[Any], bytes]], uid: bool
) -> Iterator[bytes]:
    """Many lines in one piece: a step per mail would cost more than the mail."""
    for start in range(0, len(rows), _ROWS_A_PIECE):
        yield b"".join(
            [
                _line(
                    number_of(row[0]),
                    row[0] if uid else None,
                    [write(value) for write, value in zip(writers, row[1:], strict=True)],
                )
                for row in rows[start : start + _ROWS_A_PIECE]
            ]
        )


def _line(number: int, uid: int | None, words: list[bytes]) -> bytes:
    if uid is not None:
        words.insert(0, b"UID %d" % uid)
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(words))


def _sections(raw: bytes | None, parts: bytes, wanted: list[Octets]) -> list[bytes]:
    places = PartIndex.from_bytes(parts)
    return [item.label + b" " + _answered(raw, places, item) for item in wanted]


def _answered(raw: bytes | None, places: PartIndex, item: Octets) -> bytes:
    octets = None if raw is None else _octets(raw, places, item)
    if item.form is Form.DECODED_SIZE:
        return b"%d" % len(octets or b"")
    if octets is None:
        return b"NIL"
    if item.first is not None:
        octets = octets[item.first : item.first + item.length]
    return (b"~" if b"\0" in octets else b"") + wire_text.literal(octets)


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
