"""The whole IMAP session without its socket: commands in any order and any octets, from each of its four states.

The states: before the sign-in, signed in, with a mailbox selected, in IDLE. The rows are real, in a folder of their
own. Promises: nothing that was not foreseen is raised, each request has its one tagged answer, every line ends as
lines do, and what is said is no more than a mailbox of three mails can say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fuzz.target import Target

from imap.answer import Answer, Ask, Pause, Running, Then, Wait
from imap.dialogue import perform, unasked
from imap.login import SignIn
from imap.session import Backing, Session
from imap.snapshots import Snapshots
from imap.wire import Broken, Decoder, Limits, Request
from peers.imap_role import ANN, MASTER, SECRET, settle_accounts
from peers.vaults import whole_vault
from store import migrate
from store.spool import Spool
from store.stores import open_stores

REQUESTS: Final = 200  # of an input; thousands take their time without any being slow
MOST: Final = 2_000_000  # octets that a request of an input may be answered with
_SETTLED: Final = (
    b"s SELECT INBOX", b"s EXPUNGE", b"s STORE 4:* +FLAGS.SILENT (\\Deleted)", b"s EXPUNGE", b"s STORE 1:* FLAGS ()",
)  # fmt: skip
_MAIL: Final = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x--\r\n"
_LOGIN: Final = f"l LOGIN {ANN} {SECRET}".encode()

BEFORE: Final = [
    b"a CAPABILITY\r\nb LOGIN {3}\r\nann {3+}\r\nbob\r\n", b"a AUTHENTICATE PLAIN AGEAYg==\r\nb ID NIL\r\n",
    b"a AUTHENTICATE SCRAM-SHA-256\r\nbiwsbj1hLHI9Yg==\r\n*\r\n", b"a LOGOUT\r\n",
]  # fmt: skip
SIGNED_IN: Final = [
    b'a LIST (SUBSCRIBED) "" (INBOX %) RETURN (STATUS (MESSAGES SIZE))\r\nb NAMESPACE\r\nc STATUS INBOX (UNSEEN)\r\n',
    b"a APPEND INBOX (\\Seen k) {4+}\r\nA: b\r\nb ENABLE QRESYNC UTF8=ACCEPT IMAP4rev2\r\nc GETQUOTAROOT INBOX\r\n",
    b"a NOTIFY SET STATUS (SELECTED (MessageNew (UID BODY.PEEK[TEXT]) MessageExpunge)) (SUBTREE (a b) NONE)\r\n",
    b"a CREATE x/y (USE (\\Sent))\r\nb RENAME x z\r\nc SUBSCRIBE q\r\nd DELETE z/y\r\n",
    b"a ENABLE QRESYNC\r\nb SELECT INBOX (QRESYNC (1 2 1:3 (1 1)))\r\n",
]
SELECTED: Final = [
    b"a FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[1.MIME]<0.9> BINARY.SIZE[1] PREVIEW MODSEQ)\r\n",
    b"a STORE 1 (UNCHANGEDSINCE 9) +FLAGS.SILENT (\\Seen k)\r\nb UID COPY 1:* Trash\r\nc MOVE 2 Trash\r\n",
    b'a SEARCH RETURN (SAVE) OR (NOT SEEN) SINCE 1-Jan-2026 HEADER To ""\r\nb UID FETCH $ ALL\r\n',
    b"a SORT (REVERSE DATE) UTF-8 TEXT x\r\nb THREAD REFERENCES UTF-8 ALL\r\nc UID EXPUNGE 1:*\r\nd CLOSE\r\n",
    b"a UID REPLACE 1 INBOX {4+}\r\nA: b\r\nb UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)\r\nc UNSELECT\r\n",
]
IDLING: Final = [b"DONE\r\na NOOP\r\n", b"DONE\r\na IDLE\r\ndone\r\n", b"x\r\nb CHECK\r\n"]
PIECES: Final = [
    b"\r\n", b"\n", b"\0", b"(", b")", b'"', b"\\", b" ", b"*", b"$", b"[", b"]", b"<0.1>", b"{1}\r\n", b"{3+}\r\nabc",
    b"~{3+}\r\na\0b", b"NIL",
    b"UID ", b"1:*", b"4294967295", b"0", b"\\Seen", b"\\Deleted", b"INBOX", b"&AOQ-", b"\xff",
    b"NOT ", b"OR ", b"ALL", b"x FETCH 1 BODY[]\r\n", b"x SELECT INBOX\r\n", b"x IDLE\r\n", b"DONE\r\n", b"x NOOP\r\n",
    b"BODY[HEADER.FIELDS (A)]", b"x CLOSE\r\n", b"RETURN (", b"A" * 3000,
]  # fmt: skip


class Desk:
    """One account on rows of its own, kept for all inputs of this process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mailloft-fuzz-")
        migrate.upgrade(self._folder.name)
        stores = open_stores(self._folder.name)
        settle_accounts(stores)
        (Path(self._folder.name) / "spool").mkdir()
        self._backing = Backing(
            stores=stores, spool=Spool(Path(self._folder.name) / "spool"), snapshots=Snapshots(stores.mail.database),
            sign_in=SignIn(stores, whole_vault(MASTER), lambda: 0.0), now=lambda: datetime.now(UTC),
            limits=Limits(65_536, 65_536, 100_000), plaintext_login=True, offers_tls=True, offers_compression=True,
        )  # fmt: skip
        self.raised: list[BaseException] = []

    def session(self, *first: bytes) -> Dialogue:
        dialogue = Dialogue(Session(self._backing, "127.0.0.1", secure=True), self.raised)
        for line in first:
            dialogue.hear(line + b"\r\n")
        dialogue.said = b""
        return dialogue


class Dialogue:
    """What the connection does, all in one thread: `answered` counts requests and their tagged lines."""

    def __init__(self, session: Session, raised: list[BaseException]) -> None:
        self._session = session
        self._raised = raised
        self._decoder = Decoder()
        self._asking: Running | None = None
        self.closed = False
        self.said = b""
        self.requests = 0
        self.finished = 0

    def hear(self, octets: bytes) -> None:
        self._decoder.receive(octets)
        while not self.closed and self.requests < REQUESTS:
            self._decoder.limits = self._session.limits
            event = self._decoder.next_event()
            if event is None:
                return
            if isinstance(event, Broken):
                self.closed = event.fatal
            elif isinstance(event, Request):
                self._take(event)

    def _take(self, request: Request) -> None:
        if self._asking is not None:
            running, self._asking = self._asking, None
            self._run(running, request.line)
            return
        self.requests += 1
        self._run(perform(self._session, request, lambda _, error: self._raised.append(error)), None)

    def _run(self, running: Running, value: Any, raised: BaseException | None = None) -> None:
        try:
            while True:
                step = running.send(value) if raised is None else running.throw(raised)
                value = raised = None
                if isinstance(step, bytes):
                    self.said += step
                elif isinstance(step, Wait):
                    raised = step.future.exception()
                    value = None if raised else step.future.result()
                elif isinstance(step, Ask):
                    self.said += step.prompt or b""
                    self._asking = running
                    return
                else:
                    assert isinstance(step, Pause) or value is None
        except StopIteration as ended:
            self._end(ended.value)

    def _end(self, answer: Answer) -> None:
        self.finished += 1
        self.closed = answer.then in (Then.CLOSE, Then.START_TLS, Then.COMPRESS)
        if self._session.tidings is not None and not self.closed:
            told = unasked(self._session, lambda _, error: self._raised.append(error))
            self.said += b"".join(step for step in told if isinstance(step, bytes))

    @property
    def waits(self) -> bool:
        return self._asking is not None


_desk: list[Desk] = []


def _from(*first: bytes) -> Callable[[bytes], None]:
    def check(octets: bytes) -> None:
        if not _desk:
            _desk.append(Desk())
            filled = _desk[0].session(_LOGIN)
            filled.hear(b"a APPEND INBOX" + b" {%d+}\r\n%b" % (len(_MAIL), _MAIL) * 3 + b"\r\n")
        desk = _desk[0]
        dialogue = desk.session(*first)
        dialogue.requests = dialogue.finished = 0
        idles = dialogue.waits
        dialogue.hear(octets)
        assert not desk.raised, repr(desk.raised.pop())
        assert dialogue.finished == dialogue.requests + idles - dialogue.waits, "a request without its answer"
        assert dialogue.said.endswith(b"\r\n") or not dialogue.said, dialogue.said[-100:]
        assert len(dialogue.said) < MOST * (1 + dialogue.requests), "too much was said"
        desk.session(_LOGIN, *_SETTLED)

    return check


TARGETS: Final = (
    Target("imap before sign-in", BEFORE, PIECES, _from()),
    Target("imap signed in", SIGNED_IN, PIECES, _from(_LOGIN)),
    Target("imap selected", SELECTED, PIECES, _from(_LOGIN, b"s SELECT INBOX")),
    Target("imap idling", IDLING, PIECES, _from(_LOGIN, b"s SELECT INBOX", b"i IDLE")),
)
