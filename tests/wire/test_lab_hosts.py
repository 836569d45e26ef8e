"""The lab's mail hosts do what their tempers say, and their books tell what happened."""

from __future__ import annotations

import email
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from lab.books import Books, Closed, Refused, SentBack, Taken
from lab.certificate import self_signed
from lab.description import Fate, Full, Host, Person, Style, Temper, World
from lab.world import RunningWorld
from lab.zone import Record
from peers.loopback import free_port

PLAIN = Host("mx.plain.test", "127.0.1.21", ("plain.test",), Temper(Style.POSTFIX, full=Full.DEFERS))
GREY = Host("mx.grey.test", "127.0.1.22", ("grey.test",), Temper(Style.EXIM, greylist=2))
LATE = Host("mx.late.test", "127.0.1.23", ("late.test",), Temper(Style.EXCHANGE, late=True, full=Full.REPORTS))
WARY = Host(
    "mx.wary.test",
    "127.0.1.24",
    ("wary.test",),
    Temper(Style.CARRIER, starttls=False, batch=2, distrusts="127.0.0.12", redacts=True),
)


def _people() -> tuple[Person, ...]:
    domains = [host.domains[0] for host in (PLAIN, GREY, LATE, WARY)]
    fates = [Person(f"{fate.value}@{domain}", "Ada Palm", (fate,)) for fate in Fate for domain in domains]
    return (*fates, Person("changes@plain.test", "Otto Thal", (Fate.FULL, Fate.WRITES)))


class Appliance:
    """An MX of ours for the time of a test; keeps what it is sent with the address it came from."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, Envelope, Message]] = []
        self.deferrals = 0

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert session.ssl is not None, "the lab's hosts use STARTTLS when it is offered"
        if self.deferrals:
            self.deferrals -= 1
            return "451 4.3.0 later"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.mails.append((session.peer[0], envelope, email.message_from_bytes(content)))
        return "250 2.0.0 kept"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RunningWorld]:
    with RunningWorld(World(7, (PLAIN, GREY, LATE, WARY), _people()), tmp_path) as running:
        yield running


@pytest.fixture
def appliance(world: RunningWorld) -> Iterator[Appliance]:
    mx = Appliance()
    port = free_port()
    controller = Controller(mx, hostname="127.0.0.1", port=port, tls_context=self_signed("mx.news.test"))
    controller.start()
    world.publish([Record("news.test", "MX", "10 mx.news.test."), Record("mx.news.test", "A", "127.0.0.1")])
    world.appliance_is_at(port, "fbl@news.test")
    yield mx
    controller.stop()


def _send(world: RunningWorld, host: Host, *recipients: str, source: str = "127.0.0.11", nr: int = 1) -> int:
    """Send one mail a recipient over one connection; the code of the last reply to RCPT or DATA."""
    code = 0
    with smtplib.SMTP(host.address, world.port, "out1.news.test", source_address=(source, 0)) as client:
        for recipient in recipients:
            content = (
                f"From: News <hello@news.test>\r\nTo: {recipient}\r\nSubject: Issue {nr}\r\n"
                f"Message-ID: <{nr}.{recipient}>\r\n\r\nHi,\r\n..two dots\r\nbye\r\n"
            )
            try:
                client.sendmail(f"b+t{nr}@news.test", [recipient], content.encode())
                code = 250
            except smtplib.SMTPRecipientsRefused as refused:
                code = refused.recipients[recipient][0]
    return code


def _wait(world: RunningWorld, appliance: Appliance, mails: int) -> None:
    until = time.monotonic() + 15
    while len(appliance.mails) < mails or world.sums()["waiting"]:
        assert time.monotonic() < until, f"{len(appliance.mails)} of {mails} mails came: {world.sums()}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("host", "fate", "code"),
    [
        (PLAIN, Fate.READS, 250),
        (PLAIN, Fate.UNKNOWN, 550),
        (PLAIN, Fate.SUSPENDED, 550),
        (PLAIN, Fate.FULL, 452),
        (PLAIN, Fate.REFUSED, 550),
        (PLAIN, Fate.LOST, 250),
        (WARY, Fate.FULL, 552),
        (LATE, Fate.UNKNOWN, 250),
        (LATE, Fate.FULL, 250),
    ],
)
def test_each_fate_has_its_reply_at_rcpt(world: RunningWorld, host: Host, fate: Fate, code: int) -> None:
    assert _send(world, host, f"{fate.value}@{host.domains[0]}") == code
    refused = [entry for entry in world.entries() if isinstance(entry, Refused)]
    assert [entry.code for entry in refused] == ([code] if code != 250 else [])


def test_greylisting_takes_the_third_attempt(world: RunningWorld) -> None:
    assert [_send(world, GREY, "reads@grey.test") for _ in range(3)] == [451, 451, 250]


def test_only_the_distrusted_source_is_refused_and_only_by_the_wary(world: RunningWorld) -> None:
    assert _send(world, WARY, "wary@wary.test", source="127.0.0.12") == 550
    assert _send(world, WARY, "reads@wary.test", source="127.0.0.12") == 250
    assert _send(world, WARY, "wary@wary.test", source="127.0.0.11") == 250
    (refused,) = [entry for entry in world.entries() if isinstance(entry, Refused)]
    assert "5.7.1" in refused.text and "127.0.0.12" in refused.text


def test_strangers_and_foreign_domains_are_refused(world: RunningWorld) -> None:
    assert _send(world, PLAIN, "stranger@plain.test") == 550
    assert _send(world, PLAIN, "reads@grey.test") == 550


def test_a_connection_ends_with_421_after_its_batch(world: RunningWorld) -> None:
    with pytest.raises((smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException)):
        _send(world, WARY, *["reads@wary.test"] * 3)
    assert world.sums()["taken"] == 2


def test_the_books_tell_source_name_tls_connection_and_copies(world: RunningWorld) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP(PLAIN.address, world.port, "out2.news.test", source_address=("127.0.0.12", 0)) as client:
        client.starttls(context=context)
        for _ in range(2):
            client.sendmail("b@news.test", ["READS@plain.test"], b"Message-ID: <1@x>\r\nSubject: a\r\n b\r\n\r\nhi")
    taken = [entry for entry in world.entries() if isinstance(entry, Taken)]
    assert [(entry.source, entry.ehlo, entry.tls, entry.recipient) for entry in taken] == [
        ("127.0.0.12", "out2.news.test", "TLSv1.3", "reads@plain.test")
    ] * 2
    assert [(entry.nth, entry.copy, entry.message_id) for entry in taken] == [(1, 1, "<1@x>"), (2, 2, "<1@x>")]
    assert taken[0].subject == "a\r\n b"
    time.sleep(0.2)
    (closed,) = [entry for entry in world.entries() if isinstance(entry, Closed)]
    assert (closed.messages, closed.connection) == (2, taken[0].connection)


def test_a_lost_mail_is_answered_250_and_not_in_the_books(world: RunningWorld) -> None:
    assert _send(world, PLAIN, "lost@plain.test", "reads@plain.test") == 250
    assert [e.recipient for e in world.entries() if isinstance(e, Taken)] == ["reads@plain.test"]


@pytest.mark.parametrize(
    ("fate", "status", "action"),
    [
        (Fate.UNKNOWN, "5.1.1", "failed"),
        (Fate.SUSPENDED, "5.2.1", "failed"),
        (Fate.FULL, "5.2.2", "failed"),
        (Fate.DELAYED, "4.4.1", "delayed"),
    ],
)
def test_a_late_host_sends_a_dsn_to_the_reverse_path(
    world: RunningWorld, appliance: Appliance, fate: Fate, status: str, action: str
) -> None:
    _send(world, LATE, f"{fate.value}@late.test", nr=4)
    _wait(world, appliance, 1)
    peer, envelope, dsn = appliance.mails[0]
    assert (peer, envelope.mail_from, envelope.rcpt_tos) == (LATE.address, "<>", ["b+t4@news.test"])
    assert dsn.get_content_type() == "multipart/report"
    _text, report, returned = (part for part in dsn.get_payload() if isinstance(part, Message))
    _per_message, per_recipient = (part for part in report.get_payload() if isinstance(part, Message))
    assert (per_recipient["Status"], per_recipient["Action"]) == (status, action)
    assert per_recipient["Final-Recipient"] == f"rfc822; {fate.value}@late.test"
    assert f"<4.{fate.value}@late.test>" in returned.as_string()
    (back,) = [entry for entry in world.entries() if isinstance(entry, SentBack)]
    assert (back.code, back.person, back.about) == (250, f"{fate.value}@late.test", f"<4.{fate.value}@late.test>")


@pytest.mark.parametrize("host", [PLAIN, WARY])
def test_a_complaint_has_the_mail_and_is_redacted_where_the_host_redacts(
    world: RunningWorld, appliance: Appliance, host: Host
) -> None:
    address = f"complains@{host.domains[0]}"
    _send(world, host, address, nr=5)
    _wait(world, appliance, 1)
    _peer, envelope, report = appliance.mails[0]
    assert envelope.rcpt_tos == ["fbl@news.test"]
    _text, feedback, original = (part for part in report.get_payload() if isinstance(part, Message))
    assert "Feedback-Type: abuse" in feedback.as_string()
    assert "Return-Path: <b+t5@news.test>" in original.as_string()
    assert (address in report.as_string()) is not host.temper.redacts
    assert original.as_string().splitlines()[-2:] == ["..two dots", "bye"]


def test_an_answer_comes_from_the_person_and_their_host(world: RunningWorld, appliance: Appliance) -> None:
    _send(world, PLAIN, "answers@plain.test", nr=6)
    _wait(world, appliance, 1)
    peer, envelope, answer = appliance.mails[0]
    assert (peer, envelope.mail_from) == (PLAIN.address, "answers@plain.test")
    assert envelope.rcpt_tos == ["hello@news.test"]
    assert answer["In-Reply-To"] == answer["References"] == "<6.answers@plain.test>"
    assert answer["Subject"] == "Re: Issue 6" and answer["Auto-Submitted"] is None


def test_what_the_appliance_defers_comes_again(world: RunningWorld, appliance: Appliance) -> None:
    appliance.deferrals = 2
    _send(world, LATE, "unknown@late.test")
    _wait(world, appliance, 1)
    (back,) = [entry for entry in world.entries() if isinstance(entry, SentBack)]
    assert (back.code, back.kind, back.cause) == (250, "dsn", "unknown")


def test_what_was_said_in_clear_behind_starttls_is_not_heard(world: RunningWorld) -> None:
    with socket.create_connection((PLAIN.address, world.port), timeout=5) as peer:
        peer.recv(1000)
        peer.sendall(b"EHLO out1.news.test\r\nSTARTTLS\r\nMAIL FROM:<evil@x>\r\n")
        heard = b""
        while b"220 2.0.0" not in heard:
            heard += peer.recv(1000)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(peer) as secured:
            secured.sendall(b"RCPT TO:<reads@plain.test>\r\n")
            assert secured.recv(1000).startswith(b"503")


def test_an_absent_person_answers_as_a_machine(world: RunningWorld, appliance: Appliance) -> None:
    _send(world, PLAIN, "away@plain.test")
    _wait(world, appliance, 1)
    _peer, envelope, note = appliance.mails[0]
    assert envelope.mail_from == "<>" and note["Auto-Submitted"] == "auto-replied"


def test_a_chapter_changes_fates_and_lets_people_write(world: RunningWorld, appliance: Appliance) -> None:
    assert _send(world, PLAIN, "changes@plain.test") == 452
    world.chapter(1, write_to="hello@news.test")
    writers = sum(person.fate(1) is Fate.WRITES for person in world.world.people)
    _wait(world, appliance, writers)
    assert _send(world, PLAIN, "changes@plain.test") == 250
    letters = {envelope.mail_from: envelope.rcpt_tos for _, envelope, _ in appliance.mails}
    assert letters["changes@plain.test"] == ["hello@news.test"]


def test_books_go_on_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "books.jsonl"
    books = Books(path)
    books.copy("a@x", "<1>")
    books.write(Taken(1.0, "h", "s", "e", "", 1, 1, "a@x", "b@y", "<1>", "", 10, 1))
    books.close()
    with path.open("ab") as half:
        half.write(b'{"what":"taken","at":2.0,"ho')
    again = Books(path)
    assert (again.sums.taken, again.copy("a@x", "<1>"), again.copy("a@x", "<2>")) == (1, 2, 1)
    again.write(Taken(3.0, "h", "s", "e", "", 1, 2, "a@x", "b@y", "<1>", "", 10, 2))
    again.close()
    assert Books(path).sums.copies == 1
