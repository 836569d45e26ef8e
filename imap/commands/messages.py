"""FETCH, STORE, COPY, MOVE and their UID variants (RFC 3501 §6.4.5-8, RFC 4315, RFC 6851)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from imap import wire_text
from imap.answer import MalformedError, Running, Step, Wait, done
from imap.commands.appending import check_quota, checked_flags
from imap.fetch import fetched
from imap.session import SELECTED, Command, Session, Table
from imap.view import View
from imap.wire_cursor import Cursor, SequenceSet
from imap.wire_fetch import Item, Octets, Wanted, fetch_attributes
from store import filing
from store.filing import Change, Flagged, Flagging

ROWS: Final = 200  # of one write, which must not hold the gate longer than 20 ms
_CHANGES: Final = {change.value.encode(): change for change in Change}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The mails that a command is about."""

    numbers: SequenceSet
    are_uids: bool

    def of(self, view: View) -> list[int]:
        return view.chosen(self.numbers, self.are_uids)


def _chosen(cursor: Cursor, are_uids: bool) -> Chosen:
    cursor.space()
    return Chosen(cursor.sequence_set(), are_uids)


def _chunks(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), ROWS):
        yield uids[start : start + ROWS]


def _flagged(
    session: Session, view: View, uids: Sequence[int], change: Change, flags: list[str]
) -> Generator[Step, Any, tuple[Flagged, ...]]:
    """Store flags of up to ROWS mails, durably; the client is told by the caller, not once more by the news."""
    journal = session.backing.stores.mail.journal
    write = journal.submit(lambda tx: filing.store_flags(tx, view.folder.id, uids, change, flags))
    done: Flagging = yield Wait(write)
    view.told(done.changed)
    return done.changed


# --- FETCH ----------------------------------------------------------------------------------------------------


def _read_fetch(cursor: Cursor, are_uids: bool) -> tuple[Chosen, tuple[Wanted, ...]]:
    chosen = _chosen(cursor, are_uids)
    cursor.space()
    wanted = fetch_attributes(cursor)
    return chosen, (Item.UID, *wanted) if are_uids else wanted


def _fetch(session: Session, asked: tuple[Chosen, tuple[Wanted, ...]]) -> Running:
    chosen, wanted = asked
    view = session.selected
    uids = chosen.of(view)
    if view.read_only or not any(isinstance(item, Octets) and item.sees for item in wanted):
        yield from fetched(session, uids, wanted)
        return done("FETCH")
    with_flags = wanted if Item.FLAGS in wanted else (*wanted, Item.FLAGS)
    for chunk in _chunks(uids):
        changed = yield from _flagged(session, view, chunk, Change.ADD, ["\\Seen"])
        seen_now = {mail.uid for mail in changed}
        for uid in chunk:
            yield from fetched(session, [uid], with_flags if uid in seen_now else wanted)
    return done("FETCH")


# --- STORE ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Storing:
    chosen: Chosen
    change: Change
    silent: bool
    flags: list[str]


def _read_store(cursor: Cursor, are_uids: bool) -> Storing:
    chosen = _chosen(cursor, are_uids)
    cursor.space()
    word = cursor.keyword()
    change = _CHANGES.get(word.removesuffix(b".SILENT"))
    if change is None:
        raise MalformedError("STORE knows FLAGS, +FLAGS, -FLAGS, and these with .SILENT")
    cursor.space()
    flags = cursor.flag_list() if cursor.peek() == b"(" else _bare_flags(cursor)
    return Storing(chosen, change, word.endswith(b".SILENT"), checked_flags(flags))


def _bare_flags(cursor: Cursor) -> list[str]:
    flags = [cursor.flag()]
    while not cursor.ended():
        cursor.space()
        flags.append(cursor.flag())
    return flags


def _store(session: Session, asked: Storing) -> Running:
    view = session.writable()
    tells = (Item.UID, Item.FLAGS) if asked.chosen.are_uids else (Item.FLAGS,)
    for chunk in _chunks(asked.chosen.of(view)):
        yield from _flagged(session, view, chunk, asked.change, asked.flags)
        if not asked.silent:
            yield from fetched(session, chunk, tells)
    return done("STORE")


# --- COPY and MOVE --------------------------------------------------------------------------------------------


def _read_copy(cursor: Cursor, are_uids: bool) -> tuple[Chosen, str]:
    chosen = _chosen(cursor, are_uids)
    cursor.space()
    return chosen, cursor.mailbox()


def _copy(session: Session, asked: tuple[Chosen, str]) -> Running:
    view = session.selected
    code = yield from _transferred(session, view, *asked, filing.copy)
    return done("COPY", code)


def _move(session: Session, asked: tuple[Chosen, str]) -> Running:
    view = session.writable()
    code = yield from _transferred(session, view, *asked, filing.move)
    if code:  # RFC 6851 §4.3: before the EXPUNGE answers
        yield b"* OK [" + code + b"] moved\r\n"
    return done("MOVE")


def _transferred(
    session: Session, view: View, chosen: Chosen, name: str, transfer: Callable[..., list[tuple[int, int]]]
) -> Generator[Step, Any, bytes]:
    """The COPYUID code; nothing where no mail was there any more. All or none is transferred."""
    uids = chosen.of(view)
    target = session.folder(name, b"TRYCREATE")
    if transfer is filing.copy:
        check_quota(session, lambda tx: filing.size_of(tx, view.folder.id, uids))
    journal = session.backing.stores.mail.journal
    now = session.backing.now()
    pairs = yield Wait(journal.submit(lambda tx: transfer(tx, view.folder.id, uids, target.id, now)))
    if not pairs:
        return b""
    sources, copies = wire_text.uid_set(pair[0] for pair in pairs), wire_text.uid_set(pair[1] for pair in pairs)
    return b"COPYUID %d %b %b" % (target.uidvalidity, sources, copies)


def _both(name: bytes, read: Callable[..., Any], run: Callable[[Session, Any], Running], told: bool) -> Table:
    """The command by sequence numbers and by UIDs. `told`: whether EXPUNGE may be told before its end by numbers."""
    return {
        name: Command(SELECTED, partial(read, are_uids=False), run, expunges=told),
        b"UID " + name: Command(SELECTED, partial(read, are_uids=True), run),
    }


COMMANDS: Final[Table] = {
    **_both(b"FETCH", _read_fetch, _fetch, told=False),
    **_both(b"STORE", _read_store, _store, told=False),
    **_both(b"COPY", _read_copy, _copy, told=True),
    **_both(b"MOVE", _read_copy, _move, told=True),
}
