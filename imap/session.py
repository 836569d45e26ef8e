"""One client's session: who is signed in, what is selected, and which command is legal now (RFC 3501 §3).

No I/O of its own: commands reach rows and bytes through `Backing`, in whatever thread steps them. Commands of a
session never overlap; the connection sees to that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from imap.answer import RefusedError, Running, Telling
from imap.login import SignIn
from imap.snapshots import Snapshots
from imap.view import View
from imap.wire import BEFORE_SIGN_IN, Limits
from imap.wire_cursor import Cursor
from store import folders
from store.folders import Folder
from store.mailboxes import Mailbox
from store.spool import Spool
from store.stores import Stores

A = TypeVar("A")


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


ANY: Final = frozenset(State)
BEFORE: Final = frozenset({State.NOT_AUTHENTICATED})
SIGNED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED: Final = frozenset({State.SELECTED})


@dataclass(frozen=True, slots=True)
class Command(Generic[A]):
    """A row of the table of commands.

    `expunges`: whether other sessions' EXPUNGE may be told before its end, which FETCH, STORE and SEARCH by sequence
    number forbid (RFC 3501 §7.4.1).
    """

    states: frozenset[State]
    parse: Callable[[Cursor], A]
    run: Callable[[Session, A], Running]
    expunges: bool = True


Table = dict[bytes, Command[Any]]


@dataclass(frozen=True, slots=True)
class Backing:
    """What all sessions of a process share."""

    stores: Stores
    spool: Spool
    snapshots: Snapshots
    sign_in: SignIn
    now: Callable[[], datetime]
    message_bytes: int
    plaintext_login: bool
    offers_tls: bool


@dataclass(slots=True)
class Session:
    backing: Backing
    peer: str
    secure: bool
    account: Mailbox | None = None
    view: View | None = None
    tag: bytes = b""  # of the command that runs

    @property
    def state(self) -> State:
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def limits(self) -> Limits:
        if self.account is None:
            return BEFORE_SIGN_IN
        return Limits(line=65_536, literals=65_536, message=self.backing.message_bytes)

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
        changed = self.backing.snapshots.changed_since(snapshot, view.modseq)
        yield from view.catch_up(snapshot, changed, expunges)
