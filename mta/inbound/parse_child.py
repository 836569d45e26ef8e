"""The child that reads what strangers wrote: it gets octets, gives values, and has no database, no key and no socket.

Run as `python -m mta.inbound.parse_child` by mta/inbound/parser with pipes on standard input and output. A request is
two lengths (4 octets each, big-endian), the reverse-path and the message; an answer is one length and a JSON `Read`. An
answer of no octets comes first of all: the child is ready, and from then on time is the message's.
Each message has CPU_SECONDS, the process ADDRESS_SPACE; whoever goes beyond is killed by the kernel, and the parent
knows which message it was. It ends with its parent.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

import msgspec

from mail.address import parse_mailbox
from mail.letter import Letter, read_letter
from mail.mime_index import Asked, index
from mail.outcome import Kind
from mail.parts import UnparsableError, parse
from mail.received_report import ReceivedReport, UnreadableReportError
from mail.report_read import read_reports
from mail.vcard import card_addresses
from mta.authors import addresses, from_fields
from policy.classification import Classified, classify_mail

CPU_SECONDS: Final = 10
ADDRESS_SPACE: Final = 1536 * 1024 * 1024
_LENGTH: Final = 4
_PR_SET_PDEATHSIG: Final = 1


class Read(msgspec.Struct, frozen=True):
    """What the message says. `author`: the one From address, normalised; None where there is none or several."""

    classified: Classified
    author: str | None
    envelope: bytes
    body: bytes
    bodystructure: bytes
    parts: bytes
    email_id: str
    thread_id: str
    asked: Asked
    reports: tuple[ReceivedReport, ...] = ()
    unreadable: str = ""  # why the report that it carries was not read
    letter: Letter | None = None  # of a person's mail: what it says, for the conversation
    cards: tuple[str, ...] = ()  # addresses on vCards that it carries, normalised


def read_message(reverse_path: str, content: bytes) -> Read:
    """Pure; never raises for what `content` holds."""
    indexed = index(content)
    classified = classify_mail(content, reverse_path)
    reports, unreadable = _reports(classified, content)
    return Read(
        classified=classified,
        author=_author(content),
        envelope=indexed.envelope,
        body=indexed.body,
        bodystructure=indexed.bodystructure,
        parts=indexed.parts.to_bytes(),
        email_id=indexed.email_id,
        thread_id=indexed.thread_id,
        asked=indexed.asked,
        reports=reports,
        unreadable=unreadable,
        letter=read_letter(content) if classified.kind is Kind.HUMAN else None,
        cards=card_addresses(content) if classified.kind is Kind.HUMAN else (),
    )


def _reports(classified: Classified, content: bytes) -> tuple[tuple[ReceivedReport, ...], str]:
    if classified.kind is not Kind.AUTHREPORT:
        return (), ""
    try:
        return read_reports(parse(content)), ""
    except (UnreadableReportError, UnparsableError) as error:
        return (), str(error)


def _author(content: bytes) -> str | None:
    found = [address for value in from_fields(content) for address in addresses(value)]
    if len(found) != 1:
        return None
    try:
        return parse_mailbox(found[0]).normalised
    except ValueError:
        return None


def main() -> None:
    _confine()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    _say(answers, b"")
    while lengths := asked.read(2 * _LENGTH):
        reverse_path, content = _request(asked, lengths)
        _grant()
        _say(answers, msgspec.json.encode(read_message(reverse_path.decode(), content)))


def _say(answers: BinaryIO, answer: bytes) -> None:
    answers.write(len(answer).to_bytes(_LENGTH, "big") + answer)
    answers.flush()


def _request(asked: BinaryIO, lengths: bytes) -> tuple[bytes, bytes]:
    path_length, content_length = (int.from_bytes(lengths[at : at + _LENGTH], "big") for at in (0, _LENGTH))
    return asked.read(path_length), asked.read(content_length)


def _tell_place(kind: type[BaseException], _: BaseException, place: TracebackType | None) -> None:
    """A bug of ours, without the words of the error: they may quote the mail, and the log never does."""
    print(f"parser: {kind.__name__}", file=sys.stderr)
    traceback.print_tb(place)


def _confine() -> None:
    sys.excepthook = _tell_place
    parent = os.getppid()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # First to go where memory is short: what it was reading is safe in its row.
        Path("/proc/self/oom_score_adj").write_text("900")
    if os.getppid() != parent:
        sys.exit(0)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _grant() -> None:
    """CPU time for the next message; the limit counts the whole process, so it moves on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
