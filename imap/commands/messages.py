"""FETCH, STORE, COPY, MOVE and their UID variants (RFC 3501 §6.4.5-8, RFC 4315, 6851, 7162)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from imap import wire_text
from imap.answer import ASIDE, Answer, Condition, MalformedError, RefusedError, Running, Step, Wait, done
from imap.commands.appending import check_quota, checked_flags
from imap.extension import Extension
from imap.fetch import fetched
from imap.resync import vanished
from imap.session import FEW, SELECTED, Command, Session, Table
from imap.view import View
from imap.wire_cursor import Cursor, SequenceSet
from imap.wire_fetch import Item, Octets, Wanted, fetch_attributes
from store import filing, flagging, mail_scan, removal
from store.flagging import Change, Flagging

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
    session: Session,
    uids: Sequence[int],
    change: Change,
    flags: list[str],
    unchanged_since: int | None = None,
    silent: bool = False,
) -> Generator[Step, Any, Flagging]:
    """Store flags of up to ROWS mails, durably; the client is told by the caller, not once more by the news."""
    journal, view = session.backing.stores.mail.journal, session.selected
    folder_id = view.folder.id
    write = journal.submit(lambda tx: flagging.store_flags(tx, folder_id, uids, change, flags, unchanged_since))
    done: Flagging = yield Wait(write)
    view.told(done, silent)
    return done


def _complete(command: str, gone: int) -> Answer:
    """Another session has expunged some of the mails (RFC 2180 §4, RFC 5530)."""
    return done(command, b"EXPUNGEISSUED" if gone else b"")


# --- FETCH ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetching:
    """`since`: only mails of a higher MODSEQ; `vanished`: tell which UIDs went since then (RFC 7162 §3.1.4, §3.2.6)."""

    chosen: Chosen
    wanted: tuple[Wanted, ...]
    since: int | None = None
    vanished: bool = False


def _read_fetch(cursor: Cursor, are_uids: bool) -> Fetching:
    chosen = _chosen(cursor, are_uids)
    cursor.space()
    wanted = fetch_attributes(cursor)
    since, vanishing = (None, False) if cursor.ended() else _modifiers(cursor)
    if vanishing and (since is None or not are_uids):
        raise MalformedError("VANISHED goes with UID FETCH and CHANGEDSINCE")
    told = (Item.UID, *wanted) if are_uids else wanted
    return Fetching(chosen, told if since is None else (*told, Item.MODSEQ), since, vanishing)


def _modifiers(cursor: Cursor) -> tuple[int | None, bool]:
    cursor.space()
    found: dict[bytes, int] = {}

    def modifier() -> None:
        word = cursor.keyword()
        if word not in (b"CHANGEDSINCE", b"VANISHED"):
            raise MalformedError("FETCH knows CHANGEDSINCE and VANISHED")
        found[word] = 0
        if word == b"CHANGEDSINCE":
            cursor.space()
            found[word] = cursor.large_number()

    cursor.listed(modifier)
    return found.get(b"CHANGEDSINCE"), b"VANISHED" in found


def _fetch(session: Session, asked: Fetching) -> Running:
    if asked.vanished and not session.has(Extension.QRESYNC):
        raise MalformedError("ENABLE QRESYNC first")
    if Item.MODSEQ in asked.wanted:
        session.enable(Extension.CONDSTORE)
    view, wanted = session.selected, tuple(dict.fromkeys(asked.wanted))
    uids = asked.chosen.of(view)
    if len(uids) > FEW or any(isinstance(item, Octets) for item in wanted):
        yield ASIDE
    if asked.since is not None:
        yield from _vanished_since(session, asked, asked.since)
        uids = _changed_of(session, uids, asked.since)
    if view.read_only or not any(isinstance(item, Octets) and item.sees for item in wanted):
        return _complete("FETCH", (yield from fetched(session, uids, wanted)))
    with_flags = tuple(dict.fromkeys((*wanted, *_told_items(session))))
    gone = 0
    for chunk in _chunks(uids):
        changed = (yield from _flagged(session, chunk, Change.ADD, ["\\Seen"])).changed
        yield ASIDE
        seen_now = {mail.uid for mail in changed}
        for uid in chunk:
            gone += yield from fetched(session, [uid], with_flags if uid in seen_now else wanted)
    return _complete("FETCH", gone)


def _told_items(session: Session) -> tuple[Item, ...]:
    """What is said of a mail whose flags have changed."""
    return (Item.FLAGS, Item.MODSEQ) if session.has(Extension.CONDSTORE) else (Item.FLAGS,)


def _changed_of(session: Session, uids: list[int], since: int) -> list[int]:
    with session.backing.stores.mail.database.read() as tx:
        changed = {mail.uid for mail in flagging.flags_since(tx, session.selected.folder.id, since)}
    return [uid for uid in uids if uid in changed]


def _vanished_since(session: Session, asked: Fetching, since: int) -> Iterator[bytes]:
    if not asked.vanished:
        return
    view = session.selected
    snapshot = session.backing.snapshots.current(view.folder.id)
    with session.backing.stores.mail.database.read() as tx:
        log = removal.expunged_since(tx, view.folder.id, since)
    last = snapshot.uids[-1] if snapshot.uids else view.folder.uidnext - 1
    gone = vanished(log, asked.chosen.numbers, snapshot.uids, max(last, view.folder.uidnext - 1))
    if gone:
        yield b"* VANISHED (EARLIER) %b\r\n" % wire_text.ranges(gone)


# --- STORE ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Storing:
    """`unchanged_since`: mails of a higher MODSEQ keep their flags (RFC 7162 §3.1.3)."""

    chosen: Chosen
    change: Change
    silent: bool
    flags: list[str]
    unchanged_since: int | None


def _read_store(cursor: Cursor, are_uids: bool) -> Storing:
    chosen = _chosen(cursor, are_uids)
    cursor.space()
    unchanged_since = _unchanged_since(cursor) if cursor.peek() == b"(" else None
    word = cursor.keyword()
    change = _CHANGES.get(word.removesuffix(b".SILENT"))
    if change is None:
        raise MalformedError("STORE knows FLAGS, +FLAGS, -FLAGS, and these with .SILENT")
    cursor.space()
    flags = cursor.flag_list() if cursor.peek() == b"(" else _bare_flags(cursor)
    return Storing(chosen, change, word.endswith(b".SILENT"), checked_flags(flags), unchanged_since)


def _unchanged_since(cursor: Cursor) -> int:
    cursor.expect(b"(")
    cursor.expect_word(b"UNCHANGEDSINCE")
    cursor.space()
    since = cursor.large_number()
    cursor.expect(b")")
    cursor.space()
    return since


def _bare_flags(cursor: Cursor) -> list[str]:
    flags = [cursor.flag()]
    while not cursor.ended():
        cursor.space()
        flags.append(cursor.flag())
    return flags


def _store(session: Session, asked: Storing) -> Running:
    view = session.writable()
    if asked.unchanged_since is not None:
        session.enable(Extension.CONDSTORE)
    tells = [Item.UID] if asked.chosen.are_uids or session.has(Extension.QRESYNC) else []
    tells += [item for item in _told_items(session) if not (asked.silent and item is Item.FLAGS)]
    refused: list[int] = []
    uids, gone = asked.chosen.of(view), 0
    flags = view.spelled(asked.flags)
    if len(uids) > FEW:
        yield ASIDE
    for chunk in _chunks(uids):
        change = _flagged(session, chunk, asked.change, flags, asked.unchanged_since, asked.silent)
        done = yield from change
        refused.extend(done.refused)
        gone += len(chunk) - len(done.refused) - len(done.changed) - len(done.same)
        if Item.FLAGS in tells or Item.MODSEQ in tells:
            yield _stored(view, done, tells)
    if refused:
        shown = refused if asked.chosen.are_uids else [view.number_of(uid) for uid in refused]
        return Answer(Condition.OK, b"somebody changed these before", b"MODIFIED " + wire_text.uid_set(shown))
    return _complete("STORE", gone)


def _stored(view: View, done: Flagging, tells: Collection[Item]) -> bytes:
    """`* n FETCH (...)` of what was just written, without another look at the rows."""
    mails = sorted((*done.changed, *done.same), key=lambda mail: mail.uid)
    lines = [view.introduced(mail.flags for mail in mails)]
    for mail in mails:
        words = [b"UID %d" % mail.uid] if Item.UID in tells else []
        words += [b"FLAGS " + view.flags(mail)] if Item.FLAGS in tells else []
        words += [b"MODSEQ (%d)" % mail.modseq] if Item.MODSEQ in tells else []
        lines.append(b"* %d FETCH (%b)\r\n" % (view.number_of(mail.uid), b" ".join(words)))
    return b"".join(lines)


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
    if len(uids) > FEW:
        yield ASIDE
    target = session.folder(name, b"TRYCREATE")
    if not chosen.are_uids:
        _check_all_there(session, uids)
    if transfer is filing.copy:
        check_quota(session, lambda tx: mail_scan.size_of(tx, view.folder.id, uids))
    journal = session.backing.stores.mail.journal
    now = session.backing.now()
    pairs = yield Wait(journal.submit(lambda tx: transfer(tx, view.folder.id, uids, target.id, now)))
    if not pairs:
        return b""
    sources, copies = wire_text.uid_set(pair[0] for pair in pairs), wire_text.uid_set(pair[1] for pair in pairs)
    return b"COPYUID %d %b %b" % (target.uidvalidity, sources, copies)


def _check_all_there(session: Session, uids: Sequence[int]) -> None:
    """By its number a mail is meant that the client believes to be there (RFC 2180 §4.4.1)."""
    snapshot = session.backing.snapshots.current(session.selected.folder.id)
    if snapshot.uids is not session.selected.uids and not set(snapshot.uids).issuperset(uids):
        raise RefusedError("some of these are expunged already", b"EXPUNGEISSUED")


def _both(name: bytes, read: Callable[..., Any], run: Callable[[Session, Any], Running], told: bool) -> Table:
    """The command by sequence numbers and by UIDs. `told`: whether EXPUNGE may be told before its end by numbers."""
    return {
        name: Command(SELECTED, partial(read, are_uids=False), run, expunges=told, brief=True),
        b"UID " + name: Command(SELECTED, partial(read, are_uids=True), run, brief=True),
    }


COMMANDS: Final[Table] = {
    **_both(b"FETCH", _read_fetch, _fetch, told=False),
    **_both(b"STORE", _read_store, _store, told=False),
    **_both(b"COPY", _read_copy, _copy, told=True),
    **_both(b"MOVE", _read_copy, _move, told=True),
}
