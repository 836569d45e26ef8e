"""The memory behind all hosts: who lives where, which attempt this is, which chapter it is; it also keeps the books.

lab/receiver.py asks it at each RCPT and hands it each whole mail; lab/hosts.py turns the chapters. Synchronous and
quick, no sockets; what is to be sent back goes to the given `post`, later. The books are written before `take`
returns, so before the 250: after a kill a mail that was answered 250 is in them.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lab.books import Books, Closed, Refused, Taken
from lab.description import Fate, Host, Person, World
from lab.occasion import Original
from lab.tempers import Asked, Cause, Comeback, Refusal, Taking, at_rcpt

_MESSAGE_ID: Final = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
_SUBJECT: Final = re.compile(rb"^subject:[ \t]*((?:.*\r\n[ \t]+)*.*)\r$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that a host will send back: about which mail, to whom it happened, and why."""

    host: Host
    person: Person
    original: Original
    comeback: Comeback
    cause: Cause | None


Post = Callable[[Due], None]


@dataclass(slots=True)
class Caller:
    """Who is on a connection, as its session learns it."""

    host: Host
    source: str
    connection: int
    ehlo: str = ""
    tls: str = ""
    messages: int = 0


@dataclass(slots=True)
class Desk:
    """All that the hosts remember. `post` takes what is to be sent back."""

    world: World
    books: Books
    post: Post
    chapter: int = 0
    connections: int = 0
    people: dict[str, Person] = field(init=False)
    _attempts: Counter[str] = field(default_factory=Counter)
    _calls: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Index the people by address."""
        self.people = {person.address: person for person in self.world.people}

    def call(self, host: Host, source: str) -> Caller:
        """A new connection of that host."""
        self.connections += 1
        self._calls[host.name] += 1
        return Caller(host, source, self.connections)

    def busy(self, host: Host) -> bool:
        """Whether the connection that just came is one that the host turns away."""
        return host.temper.busy > 0 and self._calls[host.name] % host.temper.busy == 0

    def ask(self, caller: Caller, reverse_path: str, recipient: str) -> Refusal | Taking:
        """The answer to one RCPT; a refusal is in the books."""
        recipient = recipient.lower()
        self._attempts[recipient] += 1
        asked = Asked(recipient, caller.source, self.chapter, self._attempts[recipient])
        answer = at_rcpt(caller.host, self.people.get(recipient), asked)
        if isinstance(answer, Refusal):
            self.turned_away(caller, reverse_path, recipient, answer)
        return answer

    def turned_away(self, caller: Caller, reverse_path: str, recipient: str, answer: Refusal) -> None:
        """Write a refusal into the books."""
        who = (caller.host.name, caller.source, caller.ehlo, recipient, reverse_path)
        self.books.write(Refused(time.time(), *who, answer.code, answer.text, answer.cause.value))

    def take(self, caller: Caller, reverse_path: str, recipients: list[tuple[str, Taking]], content: bytes) -> None:
        """A whole mail for these recipients: into the books, and what comes back to the post."""
        caller.messages += 1
        head = content.partition(b"\r\n\r\n")[0] + b"\r\n"
        message_id, subject = _first(_MESSAGE_ID, head), _first(_SUBJECT, head)
        for forward_path, taking in recipients:
            recipient = forward_path.lower()
            if taking.kept:
                self._enter(caller, recipient, reverse_path, message_id, subject, len(content))
            if taking.comeback is not None:
                self._react(caller, recipient, reverse_path, message_id, taking, content)

    def hung_up(self, caller: Caller) -> None:
        """A connection ended."""
        who = (caller.host.name, caller.source, caller.ehlo, caller.tls, caller.connection)
        self.books.write(Closed(time.time(), *who, caller.messages))

    def writers(self) -> list[tuple[Host, Person]]:
        """Who writes of their own accord in this chapter, and from which host."""
        hosts = {domain: host for host in self.world.hosts for domain in host.domains}
        return [
            (hosts[person.address.rpartition("@")[2]], person)
            for person in self.world.people
            if person.fate(self.chapter) is Fate.WRITES
        ]

    def _enter(
        self, caller: Caller, recipient: str, reverse_path: str, message_id: str, subject: str, size: int
    ) -> None:
        who = (caller.host.name, caller.source, caller.ehlo, caller.tls, caller.connection, caller.messages)
        copy = self.books.copy(recipient, message_id)
        self.books.write(Taken(time.time(), *who, recipient, reverse_path, message_id, subject, size, copy))

    def _react(
        self,
        caller: Caller,
        recipient: str,
        reverse_path: str,
        message_id: str,
        taking: Taking,
        content: bytes,
    ) -> None:
        if taking.comeback is None or not reverse_path:
            return
        person = self.people.get(recipient, Person(recipient, ""))
        content = content.replace(b"\r\n..", b"\r\n.")
        now = datetime.now(UTC)
        original = Original(reverse_path, recipient, caller.source, now, message_id, content)
        self.post(Due(caller.host, person, original, taking.comeback, taking.cause))


def _first(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return found.group(1).decode("utf-8", "replace") if found else ""
