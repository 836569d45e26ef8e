r"""Scripts of IMAP that are said to two servers: what both must answer, and where they may differ.

A script is text. `@mail NAME` to `@end` is a mail (`@mail NAME escaped`: \r, \n, \xNN in it are octets). Then, each
with the number of its connection, what is said and, below it, what is answered:

    1> SELECT INBOX       said, with a tag; then everything up to the tagged line
    1! SELECT INBOX       the same, but it must be OK and what comes with it is of no interest
    1+ NOOP               sent together with the next `>` of this connection
    1~ EXISTS             nothing is said: all up to a line that has this word (IDLE, NOTIFY)
    a1> NOOP              said to ours alone, where Dovecot falls over it or chance decides
    1> IDLE               up to its continuation; `1> DONE` ends it
      * 3 EXISTS          what both answer       (the tagged line is `OK [CODE]`, its words are nobody's business)
    a * 3 EXISTS          what ours answers      (the other may differ, for a reason that the script tells)
    b * 3 EXISTS          what Dovecot answers

{mail:NAME} is a mail as a literal, {lit:WORDS} words as one, each without waiting. Numbers that a server chooses have
names: a UIDVALIDITY is <v1>, <v2>, ... in the order in which that server told them, a MODSEQ <m1>; a command may use
them. Answers are written in one form: strings quoted, items of a FETCH and flags in the order of their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from peers.imap_line import Talk
from peers.imap_written import Written

_STEP: Final = re.compile(r"(a?)([1-9])([>!+~]) ?(.*)")
_INSERTED: Final = re.compile(r"(~?)\{(mail|lit):([^}]*)\}")
_ANSWER: Final = re.compile(r"([ ab]) (.*)")


@dataclass(slots=True, eq=False)
class Step:
    """`answers`: lines with whose they are, as written."""

    only_ours: bool
    connection: int
    kind: str
    words: str
    answers: list[tuple[str, str]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)  # comments above it

    def of(self, side: str) -> list[str]:
        """What side `a` (ours) or `b` must answer."""
        return [line for whose, line in self.answers if whose in (" ", side)]


@dataclass(frozen=True, slots=True)
class Script:
    mails: dict[str, bytes]
    steps: list[Step]
    head: list[str]  # as written, up to the first step
    tail: list[str]


def load(path: Path) -> Script:
    mails: dict[str, bytes] = {}
    steps: list[Step] = []
    head: list[str] = []
    pending: list[str] = []
    lines = iter(path.read_text("utf-8").split("\n"))
    for line in lines:
        if line.startswith("@mail "):
            block = [line]
            while block[-1] != "@end":
                block.append(next(lines))
            name, mail = _mail(block)
            mails[name] = mail
            head += block
        elif step := _STEP.fullmatch(line):
            steps.append(Step(bool(step[1]), int(step[2]), step[3], step[4], before=pending))
            pending = []
        elif steps and (answer := _ANSWER.fullmatch(line)):
            steps[-1].answers.append((answer[1], answer[2]))
        elif steps:
            pending.append(line)
        else:
            head.append(line)
    return Script(mails, steps, head, pending)


def _mail(block: list[str]) -> tuple[str, bytes]:
    _, name, *how = block[0].split()
    if how == ["escaped"]:
        octets = "".join(block[1:-1]).encode("ascii").decode("unicode_escape").encode("latin-1")
    else:
        octets = "".join(line + "\r\n" for line in block[1:-1]).encode()
    return name, octets


class Play:
    """One run of a script. `open_talk` gives a signed-in connection; `side` is "a" for ours, "b" for Dovecot."""

    def __init__(self, script: Script, open_talk: Callable[[], Talk], side: str) -> None:
        self._script = script
        self._side = side
        self._open = open_talk
        self._talks: dict[int, Talk] = {}
        self._held: dict[int, list[bytes]] = {}
        self._idling: set[int] = set()
        self._written = Written()
        self._tags = 0

    def __iter__(self) -> Iterator[tuple[Step, list[str]]]:
        """Each step with what was answered to it; nothing for those whose answer is of no interest."""
        try:
            for step in self._script.steps:
                if step.only_ours and self._side == "b":
                    continue
                yield step, self._play(step)
        finally:
            for talk in self._talks.values():
                talk.close()

    def _play(self, step: Step) -> list[str]:
        if step.connection not in self._talks:
            self._talks[step.connection] = self._open()
        talk = self._talks[step.connection]
        if step.kind == "~":
            return self._heard(talk, step.words.encode())
        if step.words == "DONE":
            talk.send(b"DONE\r\n")
            self._idling.discard(step.connection)
            return [self._written.line(line) for line in talk.until(b"idle")]
        if step.words == "IDLE":
            talk.send(b"idle IDLE\r\n")
            return self._heard(talk, b"+ ")[:-1]
        self._tags += 1
        tag = b"t%d" % self._tags
        held = self._held.pop(step.connection, [])
        held.append(tag + b" " + self._command(step.words) + b"\r\n")
        if step.kind == "+":
            self._held[step.connection] = held
            return []
        talk.send(b"".join(held))
        lines = talk.until(tag)
        if step.kind == "!":
            assert lines[-1].startswith(tag + b" OK"), (step.words, lines)
            for line in lines:
                self._written.line(line)
            return []
        return [self._written.line(line) for line in lines]

    def _heard(self, talk: Talk, word: bytes) -> list[str]:
        told = []
        while line := talk.line():
            told.append(self._written.line(line.removesuffix(b"\r\n")))
            if word in line:
                break
        return told

    def _command(self, words: str) -> bytes:
        pieces = []
        end = 0
        for found in _INSERTED.finditer(words):
            literal = self._script.mails[found[3]] if found[2] == "mail" else found[3].encode()
            pieces.append(self._written.named(words[end : found.start()]).encode())
            pieces.append(b"%b{%d+}\r\n%b" % (found[1].encode(), len(literal), literal))
            end = found.end()
        pieces.append(self._written.named(words[end:]).encode())
        return b"".join(pieces)
