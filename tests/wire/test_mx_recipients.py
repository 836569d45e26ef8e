"""What RCPT takes beside plain mailboxes: aliases, catch-alls, rewritten senders, report addresses, and quota."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mail.address import parse_mailbox
from mail.mime_index import index
from mail.srs import Srs
from peers import smtp_role
from peers.smtp_role import Premises, Running, Talk, Tenant, deliver
from policy.correspondents import Standing
from store import arrivals, correspondents, filing, folders, mailboxes, redirects
from store.spool import Stored

MESSAGE = b"From: Carl <carl@remote.test>\r\nTo: ann@ours.test\r\nSubject: hello\r\n\r\nGood day.\r\n"
RECORDS = [("remote.test", "A", "127.0.0.9"), ("remote.test", "TXT", "v=spf1 ip4:127.0.0.1 -all")]
QUOTA = 4000
NOW = datetime.now(UTC)
ALIASES = [
    ("sales@ours.test", "ann@ours.test"),
    ("sales@ours.test", "carla@elsewhere.test"),
    ("bob@ours.test", "bob@ours.test"),
    ("bob@ours.test", "robert@elsewhere.test"),
    ("@ours.test", "ann@ours.test"),
]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Premises]:
    with smtp_role.premises_in(tmp_path_factory.mktemp("mx-recipients"), migrated_folder, RECORDS) as made:
        yield made


@pytest.fixture(scope="module")
def tenant(premises: Premises) -> Tenant:
    made = smtp_role.settle_tenant(premises.stores)
    bare = smtp_role.settle_tenant(premises.stores, "bare.test")
    with premises.stores.core.database.write() as tx:
        for address, target in ALIASES:
            key, target_key = (one if one[0] == "@" else parse_mailbox(one).normalised for one in (address, target))
            redirects.add(tx, made.project, made.domain, address, key, target, target_key, NOW)
        small = mailboxes.create(tx, bare.project, bare.domain, "small@bare.test", "x", QUOTA, NOW)
    content = MESSAGE + b"x" * (QUOTA - 1000 - len(MESSAGE))
    with premises.stores.mail.database.write() as tx:
        inbox = folders.ensure_folders(tx, small, NOW)
        filing.file_message(tx, inbox, Stored(len(content), content, None), index(content), (), NOW, NOW)
    return made


@pytest.fixture(scope="module")
def mx(premises: Premises, tenant: Tenant) -> Iterator[Running]:
    with premises.role("mx") as running:
        yield running


def last(premises: Premises) -> list[tuple[str, str, int | None]]:
    with premises.stores.mail.database.read() as tx:
        arrival = arrivals.load(tx, arrivals.waiting(tx, 0, 1000))[-1]
    return [(one.address, one.purpose.value, one.target) for one in arrival.recipients]


def test_an_alias_takes_mail_for_each_of_its_targets(premises: Premises, mx: Running, tenant: Tenant) -> None:
    paths = ["Sales@ours.test", "bob+x@ours.test", "whoever@ours.test"]
    assert deliver(mx.ports["mx"], "carl@remote.test", paths, MESSAGE).startswith("250")
    assert last(premises) == [
        ("Sales@ours.test", "mailbox", tenant.ann),
        ("carla@elsewhere.test", "forward", tenant.domain),
        ("bob+x@ours.test", "mailbox", tenant.bob),
        ("robert@elsewhere.test", "forward", tenant.domain),
        ("whoever@ours.test", "mailbox", tenant.ann),
    ]


def test_a_catch_all_is_for_its_own_domain_and_for_nothing_signed(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        replies = talk.begin("carl@remote.test", "whoever@bare.test", "b+" + "a" * 32 + "@ours.test")
        assert [reply[:9] for reply in replies[1:]] == ["550 5.1.1", "550 5.7.1"]


def test_mail_that_was_sent_on_to_the_same_target_before_is_a_loop(mx: Running) -> None:
    again = b"Delivered-To: carla@elsewhere.test\r\n" + MESSAGE
    assert deliver(mx.ports["mx"], "carl@remote.test", ["sales@ours.test"], again).startswith("554 5.4.6")
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], again).startswith("250")


def test_security_18_a_rewritten_sender_takes_reports_alone_and_while_it_is_fresh(
    premises: Premises, mx: Running, tenant: Tenant
) -> None:
    srs, carl = Srs(premises.vault.derived("srs")), parse_mailbox("carl@remote.test")
    fresh, stale = (str(srs.rewritten(carl, "ours.test", NOW.date() - timedelta(age))) for age in (1, 30))
    assert deliver(mx.ports["mx"], "", [fresh], MESSAGE).startswith("250")
    assert last(premises) == [(fresh, "return", tenant.domain)]
    assert deliver(mx.ports["mx"], "mallory@remote.test", [fresh], MESSAGE).startswith("550 5.7.1")
    assert deliver(mx.ports["mx"], "", [stale], MESSAGE).startswith("550 5.7.1")
    assert deliver(mx.ports["mx"], "", [fresh.replace("carl", "dora")], MESSAGE).startswith("550 5.7.1")


def test_addresses_for_programs_and_the_operator_are_taken(premises: Premises, mx: Running, tenant: Tenant) -> None:
    paths = ["postmaster", "abuse@mx.ours.test", "dmarc-reports@ours.test", "tls-reports@mx.ours.test", "fbl@bare.test"]
    assert deliver(mx.ports["mx"], "", paths, MESSAGE).startswith("250")
    assert [(purpose, target) for _, purpose, target in last(premises)] == [
        ("mailbox", tenant.ann),
        ("mailbox", tenant.ann),
        ("dmarc-report", None),
        ("tls-report", None),
        ("complaint", None),
    ]


def test_a_mailbox_over_its_quota_is_put_off_in_the_session(mx: Running) -> None:
    port, small = mx.ports["mx"], "small@bare.test"
    assert deliver(port, "carl@remote.test", [small], MESSAGE).startswith("250")
    assert deliver(port, "carl@remote.test", [small], MESSAGE + b"y" * 1500).startswith("452 4.2.2")
    with Talk(port) as talk:
        talk.begin("carl@remote.test")
        talk.say("RSET")
        assert talk.say("MAIL FROM:<carl@remote.test> SIZE=2000").startswith("250")
        assert talk.say(f"RCPT TO:<{small}>").startswith("452 4.2.2")
        assert talk.say("RCPT TO:<bob@bare.test>").startswith("250")
        talk.say("RSET")
        assert talk.say(f"MAIL FROM:<carl@remote.test> SIZE={QUOTA + 1}").startswith("250")
        assert talk.say(f"RCPT TO:<{small}>").startswith("552 5.2.3")


def test_who_a_mailbox_refuses_is_refused_at_rcpt_and_others_take_it(
    premises: Premises, tenant: Tenant, mx: Running
) -> None:
    with premises.stores.core.database.write() as tx:
        correspondents.put(tx, tenant.ann, "spam.test", Standing.REFUSE, NOW)
    with Talk(mx.ports["mx"]) as talk:
        refused, taken = talk.begin("eve@deep.spam.test", "ann@ours.test", "small@bare.test")[1:]
    assert refused == "550 5.7.1 This mailbox takes no mail from you"
    assert taken.startswith("250")
    with Talk(mx.ports["mx"]) as talk:
        assert all(reply.startswith("250") for reply in talk.begin("carl@remote.test", "ann@ours.test"))
