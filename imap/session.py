"""One client's session: who is signed in, what is selected, and which command is legal now (RFC 3501 §3).

No I/O of its own: commands reach rows and bytes through `Backing`, in whatever thread steps them. Commands of a
session never overlap; the connection sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from imap import extension, wire_text
from imap.answer import RefusedError, Running, Step, Telling, Wait
from imap.extension import IMPLIED, Extension
from imap.login import SignIn
from imap.snapshots import Snapshot, Snapshots
from imap.view import Style, View
from imap.wire import BEFORE_SIGN_IN, Limits
from imap.wire_cursor import Cursor
from store import folder_state, folders
from store.folders import Folder
from store.mailboxes import Mailbox
from store.spool import Spool
from store.stores import Stores

if TYPE_CHECKING:
    from imap.tidings import Tidings

A = TypeVar("A")


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


ANY: Final = frozenset(State)
BEFORE: Final = frozenset({State.NOT_AUTHENTICATED})
SIGNED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED: Final = frozenset({State.SELECTED})
FEW: Final = 100  # mails that a brief command may be about
RECENT_RANGES: Final = 100  # of UIDs that are \\Recent, kept of a session
_UTF8_NAMES: Final = frozenset({Extension.UTF8, Extension.REV2})


@dataclass(frozen=True, slots=True)
class Command(Generic[A]):
    """A row of the table of commands.

    `expunges`: whether other sessions' EXPUNGE may be told before its end, which FETCH, STORE and SEARCH by sequence
    number forbid (RFC 3501 §7.4.1). `brief`: it does little, or wishes for a thread itself where it is to do much.
    """

    states: frozenset[State]
    parse: Callable[[Cursor], A]
    run: Callable[[Session, A], Running]
    expunges: bool = True
    brief: bool = False


Table = dict[bytes, Command[Any]]
NOTHING_ENABLED: Final[frozenset[Extension]] = frozenset()


@dataclass(frozen=True, slots=True)
class Backing:
    """What all sessions of a process share."""

    stores: Stores
    spool: Spool
    snapshots: Snapshots
    sign_in: SignIn
    now: Callable[[], datetime]
    limits: Limits
    plaintext_login: bool
    offers_tls: bool
    offers_compression: bool


@dataclass(slots=True)
class Session:
    backing: Backing
    peer: str
    secure: bool
    account: Mailbox | None = None
    view: View | None = None
    tag: bytes = b""  # of the command that runs
    enabled: frozenset[Extension] = NOTHING_ENABLED
    compressed: bool = False
    tidings: Tidings | None = None  # since NOTIFY SET

    @property
    def state(self) -> State:
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def limits(self) -> Limits:
        if self.account is None:
            return BEFORE_SIGN_IN
        return self.backing.limits

    @property
    def hidden(self) -> frozenset[bytes]:
        """Capabilities that this account is not offered."""
        return frozenset(self.account.hidden_capabilities.encode().split() if self.account else ())

    @property
    def capabilities(self) -> bytes:
        """What holds for this session now; the list grows with the sign-in (RFC 3501 §6.2.3)."""
        backing = self.backing
        if self.account is None:
            return extension.before_sign_in(backing.offers_tls and not self.secure, self.may_sign_in, self.secure)
        offers_compression = backing.offers_compression and not self.compressed
        return extension.signed_in(backing.limits.message, offers_compression, self.hidden)

    def has(self, wanted: Extension) -> bool:
        """Whether the client has switched it on."""
        return wanted in self.enabled

    def enable(self, *wanted: Extension) -> None:
        implied = (IMPLIED[one] for one in wanted if one in IMPLIED)
        self.enabled = self.enabled.union(wanted, implied)

    @property
    def utf8_names(self) -> bool:
        """Mailbox names are UTF-8 on the wire, not modified UTF-7 (RFC 6855 §3, RFC 9051 §5.1)."""
        return not self.enabled.isdisjoint(_UTF8_NAMES)

    def mailbox_word(self, name: str) -> bytes:
        """A mailbox name as this client reads it."""
        return wire_text.mailbox(name, self.utf8_names)

    @property
    def style(self) -> Style:
        return Style(vanished=self.has(Extension.QRESYNC), modseqs=self.has(Extension.CONDSTORE))

    @property
    def may_sign_in(self) -> bool:
        return self.secure or self.backing.plaintext_login

    @property
    def mailbox_id(self) -> int:
        assert self.account is not None
        return self.account.id

    @property
    def selected(self) -> View:
        assert self.view is not None
        return self.view

    def folder(self, name: str, code: bytes = b"NONEXISTENT") -> Folder:
        """The account's folder of that name, read now. RefusedError with `code` where there is none."""
        with self.backing.stores.mail.database.read() as tx:
            found = folders.by_name(tx, self.mailbox_id, name)
        if found is None:
            raise RefusedError("there is no such folder", code)
        return found

    def writable(self) -> View:
        if self.selected.read_only:
            raise RefusedError("the folder is open for reading only", b"READ-ONLY")
        return self.selected

    def news(self, expunges: bool) -> Telling:
        """What has changed in the selected folder since it was last told."""
        view = self.view
        if view is None:
            return
        snapshot = self.backing.snapshots.current(view.folder.id)
        pending = view.uids is not snapshot.uids and expunges
        if snapshot.modseq == view.modseq and not pending:
            return
        yield from self._claim_recent(view, snapshot)
        changed = self.backing.snapshots.changed_since(snapshot, view.modseq)
        yield from view.catch_up(snapshot, changed, expunges, self.style)

    @property
    def watched(self) -> frozenset[int]:
        """The folders whose changes this session is to hear of, while it idles or has asked for by NOTIFY."""
        selected = () if self.view is None else (self.view.folder.id,)
        return frozenset(selected).union(() if self.tidings is None else self.tidings.watched())

    def _claim_recent(self, view: View, snapshot: Snapshot) -> Telling:
        """New mail is \\Recent for the first session that is told of it (RFC 3501 §2.3.2); not with RFC 9051."""
        fresh = view.fresh(snapshot)
        if not fresh or view.read_only or self.has(Extension.REV2):
            return
        first = yield from self.first_told(view.folder.id, fresh[-1] + 1)
        if first is not None:
            view.recent = (*view.recent[-RECENT_RANGES:], (first, fresh[-1] + 1))

    def first_told(self, folder_id: int, upto: int) -> Generator[Step, Any, int | None]:
        """The lowest UID that no session was told of yet, below `upto`, where there is one."""
        if not self.backing.snapshots.first_to_tell(folder_id, upto):
            return None
        journal = self.backing.stores.mail.journal
        first: int | None = yield Wait(journal.submit(lambda tx: folder_state.claim_recent(tx, folder_id, upto)))
        return first
