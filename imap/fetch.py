"""Rows and octets -> FETCH answers (RFC 3501 §7.4.2). No parsing here: what FETCH asks was worked out at filing.

Rows are read at most BATCH at a time, each batch in a read transaction of its own that is over before its answers
are written, so a client that reads slowly holds none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from imap import wire_text
from imap.contents import Contents
from imap.session import Session
from imap.wire_fetch import Item, Octets, Section, Wanted
from mail.mime_index import PartIndex
from store import filing
from store.filing import BATCH

_COLUMNS: Final = {
    Item.FLAGS: "flags",
    Item.INTERNALDATE: "internaldate",
    Item.SIZE: "size_bytes",
    Item.ENVELOPE: "envelope",
    Item.BODY: "body",
    Item.BODYSTRUCTURE: "bodystructure",
}
_WRITERS: Final[dict[Item, Callable[[Any], bytes]]] = {
    Item.FLAGS: lambda value: b"FLAGS (" + value.encode("ascii") + b")",
    Item.INTERNALDATE: lambda value: b"INTERNALDATE " + wire_text.date_time(value),
    Item.SIZE: lambda value: b"RFC822.SIZE %d" % value,
    Item.ENVELOPE: lambda value: b"ENVELOPE " + value,
    Item.BODY: lambda value: b"BODY " + value,
    Item.BODYSTRUCTURE: lambda value: b"BODYSTRUCTURE " + value,
}
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?")
_ROWS_A_PIECE: Final = 200


def fetched(session: Session, uids: Sequence[int], wanted: Sequence[Wanted]) -> Iterator[bytes]:
    """`* n FETCH (...)` for each of `uids` that is still there, in order."""
    for start in range(0, len(uids), BATCH):
        yield from _batch(session, uids[start : start + BATCH], wanted)


def _batch(session: Session, uids: Sequence[int], wanted: Sequence[Wanted]) -> Iterator[bytes]:
    items = [item for item in wanted if isinstance(item, Item) and item is not Item.UID]
    octets = [item for item in wanted if isinstance(item, Octets)]
    columns = [_COLUMNS[item] for item in items]
    if octets:
        columns += ["size_bytes", "content_id", "parts"]
    view, backing = session.selected, session.backing
    with backing.stores.mail.database.read() as tx:
        rows = [tuple(row) for row in filing.scan(tx, view.folder.id, uids, columns)]
    writers = [_WRITERS[item] for item in items]
    tells_uid = Item.UID in wanted
    if not octets:
        yield from _plain(view.number_of, rows, writers, tells_uid)
        return
    contents = Contents(backing.stores.mail.database, backing.spool, [(row[-2], row[-3]) for row in rows])
    for row in rows:
        words = [write(value) for write, value in zip(writers, row[1:], strict=False)]
        words += _sections(contents.read(row[-2]), row[-1], octets)
        yield _line(view.number_of(row[0]), row[0] if tells_uid else None, words)


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
    return [
        item.label + b" " + _cut(None if raw is None else section(raw, places, item.section), item) for item in wanted
    ]


def _cut(octets: bytes | None, item: Octets) -> bytes:
    if octets is None:
        return b"NIL"
    if item.first is not None:
        octets = octets[item.first : item.first + item.length]
    return wire_text.literal(octets)


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
