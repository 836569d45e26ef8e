"""What arrivals do once they are sorted, on both engines, and that killing anything changes none of it."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from mail.verp import Tokens
from mta.inbound.parse_child import Read
from mta.inbound.parser import Parser, ParserDied
from mta.inbound.sort import BEGUN, Sorter
from peers import smtp_role
from peers.loopback import wait_until
from peers.smtp_role import Tenant
from peers.sorting import SRS, TOKENS
from policy import sorting as decide
from policy.acceptance import Accepted, Purpose
from policy.correspondents import Standing
from policy.lifecycle import State
from role.log import EventLog
from store import arrivals, breakers, consequences, correspondents, folders, injection, mail_scan, outgoing, sorting
from store.arrivals import ArrivalState, Incoming, Received
from store.injection import Forward, Submitted
from store.spool import Spool
from store.stores import Stores

REPLY = (
    b"From: Carl <carl@remote.test>\r\nTo: ann@ours.test\r\nSubject: Re: offer\r\nMessage-ID: <1@remote.test>\r\n\r\n"
    b"Thank you, I would like to know more.\r\n"
)


def dsn(address: str, action: str, status: str, words: str, message_id: str = "") -> bytes:
    returned = f"Message-ID: {message_id}\n" if message_id else ""
    text = f"""From: Mail Delivery System <MAILER-DAEMON@mx.remote.test>
To: bounces@ours.test
Subject: Delivery report
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="frontier"

--frontier
Content-Type: text/plain

About your message: {words}
--frontier
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.remote.test

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}

--frontier
Content-Type: text/rfc822-headers

{returned}Subject: offer

--frontier--
"""
    return text.replace("\n", "\r\n").encode()


def complaint(message_id: str) -> bytes:
    text = f"""From: fbl@provider.test
To: fbl@ours.test
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="frontier"

--frontier
Content-Type: text/plain

A complaint.
--frontier
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: loop/1
Version: 1

--frontier
Content-Type: message/rfc822

From: ann@ours.test
Message-ID: {message_id}
Subject: offer

Hi
--frontier--
"""
    return text.replace("\n", "\r\n").encode()


def mailed(stores: Stores, tenant: Tenant, *addresses: str) -> list[int]:
    """Ledger rows of one message to these addresses, in their order; each is delivered as far as we know."""
    forwards = [Forward(address, address.lower(), "remote.test") for address in addresses]
    stored = Spool(Path("/nowhere")).put(b"From: ann@ours.test\r\n\r\nHi\r\n")
    submitted = Submitted(tenant.project, tenant.connection, "ann@ours.test", "<x@ours.test>", stored, "mailings")
    with stores.core.database.write() as tx:
        (message,) = injection.queue_submissions(tx, [injection.HandedIn(submitted, forwards, datetime.now(UTC))])
        found = {}
        for number in range(1, 5000):
            row = consequences.row_of(tx, number)
            if row is None:
                break
            found[row.address] = number
    assert message
    return [found[address] for address in addresses]


def arrive(
    stores: Stores, spool: Spool, content: bytes, recipient: Accepted, reverse_path: str = "", dmarc: str = "none"
) -> int:
    received = Received(
        datetime.now(UTC), reverse_path, "127.0.0.1", "mx.remote.test", False, {"dmarc": dmarc, "disposition": "none"}
    )
    with stores.mail.database.write() as tx:
        return arrivals.add(tx, [Incoming(received, spool.put(content), [recipient])])[0]


def to_row(row: int) -> Accepted:
    return Accepted(f"{TOKENS.reverse_path_local(row)}@ours.test", Purpose.BOUNCE, row)


def to_mailbox(mailbox: int) -> Accepted:
    return Accepted("ann@ours.test", Purpose.MAILBOX, mailbox)


def rating(stores: Stores, row: int) -> int:
    with stores.core.database.read() as tx:
        found = consequences.row_of(tx, row)
        assert found is not None
        assert found.client_id is not None
        return outgoing.addressees(tx, [found.client_id])[found.client_id].rating


def withdrawn(stores: Stores, row: int) -> frozenset[int]:
    with stores.core.database.read() as tx:
        found = consequences.row_of(tx, row)
        assert found is not None
        assert found.client_id is not None
        return outgoing.addressees(tx, [found.client_id])[found.client_id].withdrawn


def state(stores: Stores, row: int) -> State:
    with stores.core.database.read() as tx:
        found = consequences.row_of(tx, row)
    assert found is not None
    return found.state


def in_inbox(stores: Stores, mailbox: int, folder: str = "INBOX") -> int:
    with stores.mail.database.read() as tx:
        found = folders.by_name(tx, mailbox, folder)
        return len(mail_scan.uids_of(tx, found.id)) if found else 0


def sort_all(sorter: Sorter) -> None:
    while sorter.step():
        pass


def left(stores: Stores) -> int:
    with stores.mail.database.read() as tx:
        return arrivals.backlog(tx)[0]


UNKNOWN = partial(dsn, action="failed", status="5.1.1", words="550 5.1.1 User unknown")
FULL = partial(dsn, action="failed", status="5.2.2", words="552 5.2.2 Mailbox full")


def test_a_dsn_takes_the_250_back_and_blocks_once(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    gone, full, late, ours = mailed(
        stores, tenant, "gone@remote.test", "full@remote.test", "late@remote.test", "ok@remote.test"
    )
    arrive(stores, spool, UNKNOWN("gone@remote.test"), to_row(gone))
    arrive(stores, spool, FULL("full@remote.test"), to_row(full))
    arrive(stores, spool, FULL("full@remote.test"), to_row(full))
    arrive(stores, spool, dsn("late@remote.test", "delayed", "4.4.1", "451 try later"), to_row(late))
    blocked_words = "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org"
    arrive(stores, spool, dsn("ok@remote.test", "failed", "5.7.1", blocked_words), to_row(ours))
    sort_all(sorter)
    assert [rating(stores, row) for row in (gone, full, late, ours)] == [1, 6, 7, 7]
    assert [state(stores, row) for row in (gone, full, late, ours)] == [
        State.BOUNCED, State.BOUNCED, State.QUEUED, State.BOUNCED,
    ]  # fmt: skip
    assert left(stores) == 0


def test_a_report_that_ties_to_nothing_of_ours_changes_nothing_and_is_filed(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    stranger = Tokens(b"another secret, 32 octets long...").message_id(row, "ours.test")
    arrive(stores, spool, UNKNOWN("carl@remote.test"), to_mailbox(tenant.ann))
    arrive(stores, spool, UNKNOWN("carl@remote.test", message_id=stranger), to_mailbox(tenant.ann))
    arrive(stores, spool, complaint(stranger), Accepted("fbl@ours.test", Purpose.COMPLAINT, None))
    sort_all(sorter)
    assert (rating(stores, row), state(stores, row), withdrawn(stores, row)) == (7, State.QUEUED, frozenset())
    assert in_inbox(stores, tenant.ann) == 2


def test_the_message_id_of_the_returned_header_ties_where_the_address_does_not(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    bounced, complained = mailed(stores, tenant, "gone@remote.test", "cross@remote.test")
    arrive(
        stores,
        spool,
        UNKNOWN("gone@remote.test", message_id=TOKENS.message_id(bounced, "ours.test")),
        to_mailbox(tenant.ann),
    )
    arrive(
        stores,
        spool,
        complaint(TOKENS.message_id(complained, "ours.test")),
        Accepted("fbl@ours.test", Purpose.COMPLAINT, None),
    )
    sort_all(sorter)
    assert (rating(stores, bounced), state(stores, bounced)) == (1, State.BOUNCED)
    assert (rating(stores, complained), withdrawn(stores, complained)) == (1, frozenset({0}))


def test_a_persons_reply_revives_but_gives_no_consent_back(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    arrive(stores, spool, FULL("carl@remote.test"), to_row(row))
    sort_all(sorter)
    assert rating(stores, row) == 6
    arrive(stores, spool, REPLY, to_mailbox(tenant.ann), "carl@remote.test", dmarc="fail")
    sort_all(sorter)
    assert rating(stores, row) == 6
    arrive(stores, spool, REPLY, to_mailbox(tenant.ann), "carl@remote.test", dmarc="none")
    sort_all(sorter)
    assert rating(stores, row) == 10
    arrive(
        stores,
        spool,
        complaint(TOKENS.message_id(row, "ours.test")),
        Accepted("fbl@ours.test", Purpose.COMPLAINT, None),
    )
    arrive(stores, spool, REPLY, to_mailbox(tenant.ann), "carl@remote.test", dmarc="pass")
    sort_all(sorter)
    assert (rating(stores, row), withdrawn(stores, row)) == (10, frozenset({0}))
    assert in_inbox(stores, tenant.ann) == 3


def test_an_answer_to_a_mail_of_ours_is_counted_in_its_hour(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    began = datetime.now(UTC)
    answer = REPLY.replace(b"Subject", f"In-Reply-To: {TOKENS.message_id(row, 'ours.test')}\r\nSubject".encode())
    for content in (REPLY, answer):
        arrive(stores, spool, content, to_mailbox(tenant.ann), "carl@remote.test", dmarc="pass")
    sort_all(sorter)
    with stores.core.database.read() as core:
        hours = breakers.by_hour(core, "project", tenant.project, began)
    assert sum(one.replied for one in hours.values()) == 1  # the other answers nothing that we sent


@pytest.mark.parametrize(
    "content",
    [
        REPLY.replace(b"Subject: Re: offer", b"Subject: Out of office\r\nAuto-Submitted: auto-replied"),
        REPLY.replace(b"Carl <carl@remote.test>", b'"carl@remote.test" <eve@remote.test>'),
        REPLY.replace(b"Carl <carl@remote.test>", b"carl@remote.test, eve@remote.test"),
        REPLY.replace(b"Subject", b"List-Id: <list.remote.test>\r\nPrecedence: list\r\nSubject"),
    ],
    ids=["out of office", "another's name", "two authors", "list"],
)
def test_what_is_no_persons_own_mail_revives_nobody(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter, content: bytes
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    arrive(stores, spool, content, to_mailbox(tenant.ann), "carl@remote.test", dmarc="pass")
    sort_all(sorter)
    assert rating(stores, row) == 7
    assert in_inbox(stores, tenant.ann) == 1


def test_another_projects_client_is_not_revived(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    other = smtp_role.settle_tenant(stores, "other.test")
    (row,) = mailed(stores, tenant, "carl@remote.test")
    arrive(stores, spool, REPLY, to_mailbox(other.ann), "carl@remote.test", dmarc="pass")
    sort_all(sorter)
    assert rating(stores, row) == 7


def test_a_mail_to_the_unsubscribe_address_withdraws_consent_and_leaves_the_rating(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    arrive(stores, spool, REPLY, Accepted("u+x@ours.test", Purpose.UNSUBSCRIBE, row), "carl@remote.test")
    sort_all(sorter)
    assert (rating(stores, row), withdrawn(stores, row)) == (7, frozenset({0}))


def test_quarantined_mail_goes_to_junk(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    received = Received(
        datetime.now(UTC), "x@y.test", "127.0.0.1", "y", False, {"dmarc": "fail", "disposition": "quarantine"}
    )
    with stores.mail.database.write() as tx:
        arrivals.add(tx, [Incoming(received, spool.put(REPLY), [to_mailbox(tenant.ann)])])
    sort_all(sorter)
    assert (in_inbox(stores, tenant.ann), in_inbox(stores, tenant.ann, "Junk")) == (0, 1)


def test_each_mailbox_has_its_own_say_about_junk(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    with stores.core.database.write() as tx:
        correspondents.put(tx, tenant.ann, "remote.test", Standing.ALLOW, datetime.now(UTC))
        correspondents.put(tx, tenant.ann, "remote.test", Standing.DENY, datetime.now(UTC))
        correspondents.put(tx, tenant.bob, "carl@remote.test", Standing.ALLOW, datetime.now(UTC))
    both = [to_mailbox(tenant.ann), Accepted("bob@ours.test", Purpose.MAILBOX, tenant.bob)]
    for listed in ([], ["bl.test"]):
        received = Received(
            datetime.now(UTC), "carl@remote.test", "127.0.0.1", "mx", False, {"dmarc": "pass", "listed": listed}
        )
        with stores.mail.database.write() as tx:
            arrivals.add(tx, [Incoming(received, spool.put(REPLY), both)])
    sort_all(sorter)
    assert [in_inbox(stores, tenant.ann, folder) for folder in ("INBOX", "Junk")] == [0, 2]
    assert [in_inbox(stores, tenant.bob, folder) for folder in ("INBOX", "Junk")] == [2, 0]


def test_killed_between_consequence_and_filing_the_arrival_is_sorted_again_with_the_same_result(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    (row,) = mailed(stores, tenant, "full@remote.test")
    arrival = arrive(
        stores, spool, FULL("full@remote.test", message_id=TOKENS.message_id(row, "ours.test")), to_mailbox(tenant.ann)
    )
    outcome = decide.Reported(row, ())
    assert outcome.recipient_id == row
    # The first step as the sorter makes it, and then it dies.
    parser = Parser()
    first = Sorter(stores, spool, TOKENS, SRS, parser, EventLog("sorter"))
    (judged,) = first._judge_all(first._group())
    parser.close()
    assert judged is not None
    stores.core.journal.run(partial(sorting.carry_out, doing=judged.acts, arrival=arrival, now=datetime.now(UTC)))
    assert (rating(stores, row), left(stores)) == (6, 1)
    sort_all(sorter)
    assert (rating(stores, row), left(stores), in_inbox(stores, tenant.ann)) == (6, 0, 1)
    # And once more, as if the mark had been lost: filed once, counted once.
    with stores.mail.database.read() as tx:
        (loaded,) = arrivals.load(tx, [arrival])
    ending = sorting.Ending(
        ArrivalState.SORTED, judged.kind, sorting.Tied(None, row), (tenant.ann,), frozenset(), judged.index
    )
    stores.mail.journal.run(partial(sorting.finish, endings=[(loaded, ending)], now=datetime.now(UTC)))
    assert in_inbox(stores, tenant.ann) == 1


def test_security_13_a_message_that_kills_the_parser_twice_is_filed_unread_and_the_next_is_served(
    stores: Stores, spool: Spool, tenant: Tenant
) -> None:
    parser = Parser(seconds=0.1)
    sorter = Sorter(stores, spool, TOKENS, SRS, parser, EventLog("sorter"))
    (row,) = mailed(stores, tenant, "carl@remote.test")
    # 48 MB to copy through a pipe and to walk through cannot be done in the time that this parser gives.
    poison = arrive(stores, spool, b"From: x@y.test\r\n\r\n" + b"\xff\r\n" * 16_000_000, to_mailbox(tenant.ann))
    arrive(stores, spool, REPLY, to_mailbox(tenant.ann), "carl@remote.test", dmarc="pass")
    began = time.monotonic()
    sort_all(sorter)
    parser.close()
    assert time.monotonic() - began < 15
    assert (left(stores), in_inbox(stores, tenant.ann), rating(stores, row)) == (0, 2, 10)
    with stores.mail.database.read() as tx:
        assert arrivals.load(tx, [poison])[0].parses == 2


class Counting(Parser):
    """Knows what was read at a time, and dies of mail that says so."""

    def __init__(self) -> None:
        super().__init__()
        self.subjects: list[bytes] = []

    def read(self, reverse_path: str, content: bytes) -> Read:
        self.subjects.append(content.partition(b"\r\n")[0])
        if b"poison" in content:
            status = self.close()
            raise ParserDied(f"poison (status {status})")
        return super().read(reverse_path, content)


def test_several_children_read_what_waits_and_each_is_filed_once_in_its_order(
    stores: Stores, spool: Spool, tenant: Tenant
) -> None:
    children = [Counting(), Counting()]
    sorter = Sorter(stores, spool, TOKENS, SRS, children[0], EventLog("sorter"), children[1:])
    ids = [
        arrive(stores, spool, b"Subject: %d\r\nFrom: x@y.test\r\n\r\n%s\r\n" % (number, words), to_mailbox(tenant.ann))
        for number, words in enumerate([b"word"] * 20 + [b"poison"] + [b"word"] * 39)
    ]
    sort_all(sorter)
    for child in children:
        child.close()
    with stores.mail.database.read() as tx:
        inbox = folders.by_name(tx, tenant.ann, "INBOX")
        assert inbox is not None
        filed = mail_scan.scan(tx, inbox.id, mail_scan.uids_of(tx, inbox.id), ["arrival_id"])
        states = [one.parses for one in arrivals.load(tx, ids)]
    assert [arrival for _, arrival in filed] == ids
    assert states == [1] * 20 + [2] + [1] * 39
    assert all(child.subjects for child in children)
    assert sum(len(child.subjects) for child in children) == 61


def bombs() -> dict[str, bytes]:
    head = b"From: Carl <carl@remote.test>\r\n"
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2000))
    same = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 200_000
    parameters = b";\r\n".join(b" name*%d*=utf-8''x" % n for n in range(8000))
    return {
        "nested parts": head + deep,
        "empty parts": head + same,
        "RFC 2231 parameters": head + b"Content-Type: text/plain;\r\n" + parameters + b"\r\n\r\nx",
        "addresses": head + b"To: " + b",\r\n ".join(b"a%d@x.test" % n for n in range(40_000)) + b"\r\n\r\nx",
        "comments": b"From: " + b"(" * 100_000 + b"\r\n\r\nx",
        "messages in messages": head + b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        "one header": b"X" * 5_000_000,
        "encoded words": head + b"Subject: " + b"=?utf-8?b?QQ==?= " * 50_000 + b"\r\n\r\nx",
        "blanks": head + b"Subject: x\r\n\r\n" + b" " * 5_000_000,
        "base64": head + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 5_000_000,
    }


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", bombs())
def test_security_13_a_bomb_is_filed_within_its_budget_and_the_next_mail_served(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter, name: str
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    arrive(stores, spool, bombs()[name], to_mailbox(tenant.bob), "carl@remote.test", dmarc="none")
    arrive(stores, spool, REPLY, to_mailbox(tenant.ann), "carl@remote.test", dmarc="pass")
    began = time.monotonic()
    sort_all(sorter)
    assert time.monotonic() - began < 8
    assert (in_inbox(stores, tenant.bob), in_inbox(stores, tenant.ann), rating(stores, row)) == (1, 1, 10)


def test_security_13_an_arrival_that_nobody_survived_is_not_read_for_ever(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    (row,) = mailed(stores, tenant, "carl@remote.test")
    arrival = arrive(stores, spool, REPLY, to_mailbox(tenant.ann), "carl@remote.test", dmarc="pass")
    with stores.mail.database.write() as tx:
        for _ in range(BEGUN):
            arrivals.begin_parse(tx, [arrival])
    sort_all(sorter)
    assert (left(stores), in_inbox(stores, tenant.ann), rating(stores, row)) == (0, 1, 7)


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_killed_again_and_again_the_sorter_files_and_counts_each_arrival_once(
    stores: Stores, location: str, spool: Spool, tenant: Tenant, tmp_path: Path
) -> None:
    addresses = [f"c{number}@remote.test" for number in range(400)]
    rows = mailed(stores, tenant, *addresses)
    for address, row in zip(addresses, rows, strict=True):
        arrive(stores, spool, FULL(address, message_id=TOKENS.message_id(row, "ours.test")), to_mailbox(tenant.ann))
    premises = smtp_role.furnish(tmp_path, location, stores, "127.0.0.1:9")
    chance = random.Random(7)
    for _ in range(6):
        running = premises.start("sorter")
        time.sleep(chance.uniform(0.1, 0.6))
        running.kill()
    with premises.role("sorter"):
        wait_until(lambda: left(stores) == 0, "all arrivals sorted", 60)
    assert in_inbox(stores, tenant.ann) == 400
    assert {rating(stores, row) for row in rows} == {6}
