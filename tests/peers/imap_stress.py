"""Clients that do everything at once to shared mailboxes, each checking every word against its own picture of them.

Each mail carries a token; who appended it alone moves or removes it, so that in the end the books of all say exactly
which mails must be there, each once. Knows the server by its port only: the benches run it against others.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from peers.imap_line import Talk

FOLDERS = ("INBOX", "stress")
_NUMBERED = re.compile(rb"\* ([0-9]+) (EXISTS|EXPUNGE|FETCH)(?: \((.*)\))?")
_UID = re.compile(rb"UID ([0-9]+)")
_BARE = re.compile(rb"\* ([0-9]+) FETCH \(UID [0-9]+\)")
_TOKEN = re.compile(rb"Subject: (t[0-9-]+)")


@dataclass(frozen=True, slots=True)
class Account:
    port: int
    login: str
    password: str

    def talk(self) -> Talk:
        made = Talk(self.port)
        made.line()
        assert b" OK" in made.say(f"a LOGIN {self.login} {self.password}".encode())[-1]
        return made


@dataclass
class Client(threading.Thread):
    """`alive`: token -> folder of its own mails. `wrong`: what should not have been said."""

    account: Account
    number: int
    until: float
    alive: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    commands: int = 0

    def __post_init__(self) -> None:
        threading.Thread.__init__(self, name=f"client {self.number}", daemon=True)
        self._chance = random.Random(self.number)
        self._made = 0
        self._uids: list[int] = []  # 0 where no UID was told yet

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        try:
            self._talk = self.account.talk()
            self._select(FOLDERS[0])
            while time.monotonic() < self.until:
                self._chance.choice(_ACTS)(self)
            self._check()
            self._talk.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            self.wrong.append(f"{self.name}: {error!r}")

    # --- what it does -----------------------------------------------------------------------------------------

    def _append(self) -> None:
        self._made += 1
        token, folder = f"t{self.number}-{self._made}", self._chance.choice(FOLDERS)
        raw = f"Subject: {token}\r\nFrom: a@b.test\r\n\r\n{'words ' * self._chance.randint(1, 300)}\r\n".encode()
        self._say(b"APPEND %b {%d+}\r\n%b" % (folder.encode(), len(raw), raw))
        self.alive[token] = folder

    def _flag(self) -> None:
        if self._uids:
            number = self._chance.randint(1, len(self._uids))
            sign = self._chance.choice(("+", "-"))
            self._say(f"STORE {number} {sign}FLAGS (\\Seen k{self._chance.randint(1, 3)})".encode(), may_fail=True)

    def _read(self) -> None:
        low = self._chance.randint(1, max(1, len(self._uids)))
        if self._uids:
            self._say(f"FETCH {low}:{min(low + 20, len(self._uids))} (UID FLAGS ENVELOPE)".encode(), may_fail=True)

    def _search(self) -> None:
        words = self._chance.choice(("UNSEEN", "KEYWORD k1", "SUBJECT t", "TEXT words", "SINCE 1-Jan-2026"))
        self._say(f"UID SEARCH {words}".encode())

    def _select(self, folder: str = "") -> None:
        self._folder = folder or self._chance.choice(FOLDERS)
        self._uids = []
        self._say(f"SELECT {self._folder}".encode())

    def _noop(self) -> None:
        self._say(b"NOOP")

    def _own(self) -> tuple[str, bytes] | None:
        """One of its mails in the selected folder, with its UID."""
        mine = [token for token, folder in self.alive.items() if folder == self._folder]
        if not mine:
            return None
        token = self._chance.choice(mine)
        # A subject of t1-1 is found in t1-11 too; what is read back is compared whole.
        for uid in self._found(token):
            lines = self._say(b"UID FETCH %b (BODY.PEEK[HEADER.FIELDS (SUBJECT)])" % uid)
            if any((told := _TOKEN.search(line)) and told[1].decode() == token for line in lines):
                return token, uid
        raise AssertionError(f"{token} is lost from {self._folder}")

    def _found(self, token: str) -> list[bytes]:
        lines = self._say(f"UID SEARCH SUBJECT {token}".encode())
        return next(line for line in lines if line.startswith(b"* SEARCH")).split()[2:]

    def _move(self) -> None:
        if own := self._own():
            token, uid = own
            target = self._chance.choice(FOLDERS)
            if target != self._folder:
                self._say(b"UID MOVE %b %b" % (uid, target.encode()))
                self.alive[token] = target

    def _remove(self) -> None:
        if own := self._own():
            token, uid = own
            self._say(b"UID STORE %b +FLAGS.SILENT (\\Deleted)" % uid)
            self._say(b"UID EXPUNGE %b" % uid)
            del self.alive[token]

    def _idle(self) -> None:
        self._talk.send(b"i IDLE\r\n")
        line = self._talk.line()
        while not line.startswith(b"+"):
            self._hear(line)
            line = self._talk.line()
        time.sleep(0.02)
        self._talk.send(b"DONE\r\n")
        for told in self._talk.until(b"i"):
            self._hear(told)
        self.commands += 1

    def _check(self) -> None:
        """The server's picture is ours."""
        self._say(b"NOOP")
        if not self._uids:
            return
        lines = self._say(b"FETCH 1:* (UID)", may_fail=True)
        numbers = [int(told[1]) for line in lines if (told := _BARE.fullmatch(line))]  # without news of flags
        known = [uid for uid in self._uids if uid]
        if numbers != sorted(set(numbers)) or known != sorted(set(known)):
            self.wrong.append(f"{self.name}: numbers or UIDs out of order in {self._folder}")

    # --- what it hears ----------------------------------------------------------------------------------------

    def _say(self, command: bytes, may_fail: bool = False) -> list[bytes]:
        """`may_fail`: somebody else may have removed what it names; NO, never BAD."""
        lines = self._talk.say(b"x " + command)
        self.commands += 1
        for line in lines[:-1]:
            self._hear(line)
        if not (lines and (b"x OK" in lines[-1] or (may_fail and b"x NO" in lines[-1]))):
            self.wrong.append(f"{self.name}: {command[:60]!r} -> {lines[-1:]!r}")
        return lines

    def _hear(self, line: bytes) -> None:
        found = _NUMBERED.match(line)
        if found is None:
            return
        number, what = int(found[1]), found[2]
        if what == b"EXISTS":
            if number < len(self._uids):
                self.wrong.append(f"{self.name}: EXISTS fell from {len(self._uids)} to {number}")
            self._uids += [0] * (number - len(self._uids))
        elif not 1 <= number <= len(self._uids):
            self.wrong.append(f"{self.name}: {line[:60]!r} of {len(self._uids)}")
        elif what == b"EXPUNGE":
            del self._uids[number - 1]
        elif told := _UID.search(found[3] or b""):
            before, self._uids[number - 1] = self._uids[number - 1], int(told[1])
            if before not in (0, int(told[1])):
                self.wrong.append(f"{self.name}: number {number} was UID {before}, now {told[1].decode()}")


_ACTS = (
    *(Client._append,) * 4, *(Client._read,) * 4, *(Client._flag,) * 3, *(Client._search,) * 2, *(Client._noop,) * 2,
    Client._move, Client._remove, Client._idle, Client._select, Client._check,
)  # fmt: skip


def stressed(accounts: Sequence[Account], clients: int, seconds: float) -> tuple[int, list[str]]:
    """Commands a second of all together, and what went wrong: lost and doubled mails too."""
    for account in accounts:
        _cleared(account)
    began = time.monotonic()
    every = [Client(accounts[n % len(accounts)], n, began + seconds) for n in range(clients)]
    for client in every:
        client.start()
    for client in every:
        client.join(seconds + 120)
    took = time.monotonic() - began
    wrong = [words for client in every for words in client.wrong]
    for account in accounts:
        kept = _kept(account)
        wanted = Counter(token for one in every if one.account == account for token in one.alive)
        wrong += [f"{account.login}: lost {token}" for token in (wanted - kept)]
        wrong += [f"{account.login}: too many of {token}" for token in (kept - wanted)]
    return round(sum(client.commands for client in every) / took), wrong


def _cleared(account: Account) -> None:
    talk = account.talk()
    talk.say(b"c CREATE " + FOLDERS[1].encode())
    for folder in FOLDERS:
        talk.say(b"s SELECT " + folder.encode())
        talk.say(b"d STORE 1:* +FLAGS.SILENT (\\Deleted)")
        talk.say(b"e EXPUNGE")
    talk.close()


def _kept(account: Account) -> Counter[str]:
    """How often each token is in the account's folders."""
    talk = account.talk()
    kept: Counter[str] = Counter()
    for folder in FOLDERS:
        talk.say(b"s SELECT " + folder.encode())
        lines = talk.say(b"f UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        kept.update(found[1].decode() for line in lines if (found := _TOKEN.search(line)))
    talk.close()
    return kept
