"""The MX over real sockets: what it takes, what it refuses in the session, and that a 250 is in the store."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail.verp import Tokens
from peers import smtp_role, swaks
from peers.smtp_role import Premises, Running, Talk, Tenant, deliver
from store import arrivals
from store.arrivals import Arrival

MESSAGE = b"From: Carl <carl@remote.test>\r\nTo: ann@ours.test\r\nSubject: hello\r\n\r\nGood day.\r\n"
RECORDS = [("remote.test", "A", "127.0.0.9"), ("remote.test", "TXT", "v=spf1 ip4:127.0.0.1 -all")]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Premises]:
    with smtp_role.premises_in(tmp_path_factory.mktemp("mx"), migrated_folder, RECORDS) as made:
        yield made


@pytest.fixture(scope="module")
def tenant(premises: Premises) -> Tenant:
    smtp_role.settle_tenant(premises.stores, "elsewhere.test", linked=False)
    return smtp_role.settle_tenant(premises.stores)


@pytest.fixture(scope="module")
def mx(premises: Premises, tenant: Tenant) -> Iterator[Running]:
    with premises.role("mx", message_bytes=2_000_000, recipients=5, connections_per_peer=8) as running:
        yield running


def kept(premises: Premises) -> list[Arrival]:
    with premises.stores.mail.database.read() as tx:
        return arrivals.load(tx, arrivals.waiting(tx, 0, 1000))


def tokens(premises: Premises) -> Tokens:
    return Tokens(premises.vault.derived("tokens"))


def test_a_message_that_got_250_is_in_the_store_with_its_trace(premises: Premises, mx: Running, tenant: Tenant) -> None:
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test", "Bob+shop@OURS.test"], MESSAGE).startswith(
        "250 2.0.0"
    )
    arrival = kept(premises)[-1]
    assert [(one.purpose.value, one.target) for one in arrival.recipients] == [
        ("mailbox", tenant.ann),
        ("mailbox", tenant.bob),
    ]
    assert arrival.reverse_path == "carl@remote.test"
    assert arrival.authentication["spf"] == "pass"
    lines = premises.spool.get(arrival.blob, arrival.file).split(b"\r\n")
    assert lines[0] == b"Return-Path: <carl@remote.test>"
    assert lines[1] == b"Authentication-Results: mx.ours.test;"
    assert any(line.startswith(b"Received: from client.test ([127.0.0.1])") for line in lines)
    assert premises.spool.get(arrival.blob, arrival.file).endswith(MESSAGE)


def test_ehlo_offers_what_we_can_and_no_sign_in(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        assert talk.reply().startswith("220 mx.ours.test")
        offered = talk.say("EHLO client.test").replace("250-", "").replace("250 ", "").split("\n")
        assert offered[1:] == [
            "SIZE 2000000",
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "ENHANCEDSTATUSCODES",
            "STARTTLS",
        ]
        assert talk.say("AUTH PLAIN AGFubgBh").startswith("502")


@pytest.mark.parametrize(
    ("forward_path", "refusal"),
    [
        ("nobody@ours.test", "550 5.1.1"),
        ("carl@remote.test", "550 5.7.1 Relaying denied"),
        ("ann@elsewhere.test", "550 5.1.1"),
        ("ann%remote.test@ours.test", "550 5.1.1"),
        ("b+" + "a" * 32 + "@ours.test", "550 5.7.1 This return address"),
        ("ann@ours.test@remote.test", "553 5.1.3"),
        ("ann@remote.test@ours.test", "553 5.1.3"),
        ("", "501 5.1.3"),
    ],
)
def test_what_is_not_ours_is_refused_in_the_session(mx: Running, forward_path: str, refusal: str) -> None:
    with Talk(mx.ports["mx"]) as talk:
        assert talk.begin("carl@remote.test", forward_path)[1].startswith(refusal)


def test_signed_addresses_roles_and_complaints_are_taken(premises: Premises, mx: Running, tenant: Tenant) -> None:
    made = tokens(premises)
    paths = [
        f"{made.reverse_path_local(77)}@ours.test".upper(),
        f"{made.reverse_path_local(78)}@mx.ours.test",
        "postmaster@ours.test",
        "ABUSE@ours.test",
        "fbl@ours.test",
    ]
    assert deliver(mx.ports["mx"], "", paths, MESSAGE).startswith("250")
    found = [(one.purpose.value, one.target) for one in kept(premises)[-1].recipients]
    expected = [("bounce", 77), ("bounce", 78), ("mailbox", tenant.ann), ("mailbox", tenant.ann), ("complaint", None)]
    assert found == expected
    assert deliver(mx.ports["mx"], "carl@remote.test", [f"{made.unsubscribe_local(5)}@ours.test"], MESSAGE).startswith(
        "250"
    )
    assert [(one.purpose.value, one.target) for one in kept(premises)[-1].recipients] == [("unsubscribe", 5)]
    assert deliver(mx.ports["mx"], "", [f"{made.unsubscribe_local(5)}@ours.test"], MESSAGE).startswith("550 5.7.1")


def test_lines_longer_than_a_thousand_octets_and_dots_arrive_as_they_were(premises: Premises, mx: Running) -> None:
    body = b"Subject: long\r\nFrom: carl@remote.test\r\n\r\n" + b"x" * 200_000 + b"\r\n.\r\n..two\r\n.x" + b"y" * 3000
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], body).startswith("250")
    arrival = kept(premises)[-1]
    assert premises.spool.get(arrival.blob, arrival.file).endswith(body + b"\r\n")


def test_the_final_dot_may_come_octet_by_octet(premises: Premises, mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.begin("carl@remote.test", "ann@ours.test")
        talk.say("DATA")
        for octet in MESSAGE + b".\r\n":
            talk.send(bytes([octet]))
        assert talk.reply().startswith("250")
    arrival = kept(premises)[-1]
    assert premises.spool.get(arrival.blob, arrival.file).endswith(MESSAGE)


def test_a_pipelining_client_gets_its_replies_in_order(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        talk.say("EHLO client.test")
        talk.send(b"MAIL FROM:<carl@remote.test>\r\nRCPT TO:<ann@ours.test>\r\nRCPT TO:<x@ours.test>\r\nDATA\r\n")
        assert [talk.reply()[:3] for _ in range(4)] == ["250", "250", "550", "354"]
        talk.send(MESSAGE + b".\r\nMAIL FROM:<carl@remote.test>\r\nRSET\r\nQUIT\r\n")
        assert [talk.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]


def test_size_is_enforced_when_declared_and_when_it_turns_out(premises: Premises, mx: Running) -> None:
    before = len(kept(premises))
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        talk.say("EHLO client.test")
        assert talk.say("MAIL FROM:<carl@remote.test> SIZE=2000001").startswith("552 5.3.4")
        assert talk.say("MAIL FROM:<carl@remote.test> SIZE=1000 BODY=8BITMIME SMTPUTF8").startswith("250")
        talk.say("RCPT TO:<ann@ours.test>")
        talk.say("DATA")
        talk.send(MESSAGE + b"z" * 2_100_000 + b"\r\n.\r\n")
        assert talk.reply().startswith("552 5.3.4")
        assert talk.say("NOOP").startswith("250")
    assert len(kept(premises)) == before


def test_too_many_recipients_are_put_off_and_the_others_served(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        replies = talk.begin("carl@remote.test", *(f"ann+{number}@ours.test" for number in range(6)))
        assert [reply[:9] for reply in replies[1:]] == ["250 2.1.5"] * 5 + ["452 4.5.3"]


def test_one_peer_may_hold_its_share_of_connections_and_another_still_comes_in(mx: Running) -> None:
    held = [Talk(mx.ports["mx"], source="127.0.0.77") for _ in range(8)]
    assert all(talk.reply().startswith("220") for talk in held)
    with Talk(mx.ports["mx"], source="127.0.0.77") as ninth, Talk(mx.ports["mx"], source="127.0.0.78") as other:
        assert ninth.reply().startswith("421 4.7.0")
        assert other.reply().startswith("220")
    for talk in held:
        talk.close()


def test_who_errs_without_end_is_slowed_and_shown_out(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.begin("carl@remote.test")
        replies = [talk.say(f"RCPT TO:<guess{number}@ours.test>") for number in range(15)]
        assert replies[0].startswith("550 5.1.1")
        assert talk.reply().startswith("421 4.7.0")
        assert talk.reply() == ""


def test_a_silent_peer_is_told_why_it_is_closed(premises: Premises, tenant: Tenant) -> None:
    with premises.role("mx", idle="PT0.5S") as running, Talk(running.ports["mx"]) as talk:
        talk.reply()
        assert talk.reply().startswith("421 4.4.2")


def test_swaks_delivers(premises: Premises, mx: Running) -> None:
    before = len(kept(premises))
    dialogue = swaks.send(("127.0.0.1", mx.ports["mx"]), "carl@remote.test", "ann@ours.test", MESSAGE, "--pipeline")
    assert dialogue.status == 0, dialogue.transcript
    assert len(kept(premises)) == before + 1


def test_a_message_over_starttls_says_so_in_its_trace(premises: Premises, mx: Running) -> None:
    with smtp_role.smtp(mx.ports["mx"]) as client:
        client.starttls(context=smtp_role.trusting(premises))
        client.ehlo("client.test")
        assert "starttls" not in client.esmtp_features
        client.sendmail("carl@remote.test", ["ann@ours.test"], MESSAGE)
    arrival = kept(premises)[-1]
    assert b"with ESMTPS id" in premises.spool.get(arrival.blob, arrival.file)


def test_a_stop_ends_the_process_at_once_and_cleanly(premises: Premises, tenant: Tenant) -> None:
    running = premises.start("mx")
    with Talk(running.ports["mx"]) as talk:
        talk.reply()
        running.process.terminate()
        assert talk.reply().startswith("421 4.3.2")
        assert running.process.wait(10) == 0


def test_a_peer_that_drips_is_let_go_like_one_that_is_silent(premises: Premises, tenant: Tenant) -> None:
    with premises.role("mx", idle="PT0.6S") as running, Talk(running.ports["mx"]) as talk:
        talk.reply()
        dripping = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not dripping.wait(0.1):
                    talk.send(b"N")

        thread = threading.Thread(target=drip)
        thread.start()
        assert talk.reply().startswith("421 4.4.2 Idle")
        dripping.set()
        thread.join()


def test_a_session_that_only_chats_ends_and_one_that_delivers_goes_on(premises: Premises, tenant: Tenant) -> None:
    with premises.role("mx", session="PT2S") as running, Talk(running.ports["mx"]) as chat:
        chat.reply()
        replies = []
        while not (replies and replies[-1].startswith("421")):
            replies.append(chat.say("NOOP"))
            time.sleep(0.05)
        assert replies[-1].startswith("421 4.4.2 This session")
        with Talk(running.ports["mx"]) as talk:
            talk.reply()
            talk.say("EHLO client.test")
            for _ in range(6):
                talk.say("MAIL FROM:<carl@remote.test>")
                talk.say("RCPT TO:<ann@ours.test>")
                talk.say("DATA")
                talk.send(MESSAGE + b".\r\n")
                assert talk.reply().startswith("250")
                time.sleep(0.4)


def test_a_rate_of_connections_is_kept(premises: Premises, tenant: Tenant) -> None:
    with premises.role("mx", connection_rate="3/min") as running:
        told = []
        for _ in range(4):
            with Talk(running.ports["mx"]) as talk:
                told.append(talk.reply()[:3])
        assert told == ["220", "220", "220", "421"]
        with Talk(running.ports["mx"], source="127.0.0.79") as other:
            assert other.reply().startswith("220")


def test_who_guesses_recipients_is_slowed_in_every_session_of_its_network(premises: Premises, tenant: Tenant) -> None:
    with premises.role("mx", guesses="2/h") as running:
        seconds = []
        for number in range(4):
            with Talk(running.ports["mx"], source=f"127.0.4.{number + 1}") as talk:
                talk.begin("carl@remote.test")
                began = time.monotonic()
                assert talk.say(f"RCPT TO:<guess{number}@ours.test>").startswith("550 5.1.1")
                seconds.append(time.monotonic() - began)
        assert seconds[-1] >= 0.5


def test_behind_a_proxy_the_client_counts_and_nobody_else_may_claim_to_be_one(
    premises: Premises, tenant: Tenant
) -> None:
    settings = {**premises.settings, "mx": {"proxy_networks": ["127.0.5.0/24"]}}
    behind = dataclasses.replace(premises, settings=settings)
    with behind.role("mx") as running:
        port = running.ports["mx"]
        with Talk(port, source="127.0.5.1") as talk:
            talk.send(b"PROXY TCP4 192.0.2.77 192.0.2.1 4096 25\r\nEHLO client.test\r\n")
            assert talk.reply().startswith("220")
            assert talk.reply().startswith("250")
            for line in ("MAIL FROM:<carl@remote.test>", "RCPT TO:<ann@ours.test>"):
                assert talk.say(line).startswith("250")
            talk.say("DATA")
            talk.send(MESSAGE + b".\r\n")
            assert talk.reply().startswith("250")
        arrival = kept(premises)[-1]
        assert b"([192.0.2.77])" in premises.spool.get(arrival.blob, arrival.file)
        with Talk(port, source="127.0.5.1") as talk:
            talk.send(b"EHLO client.test\r\n")
            assert talk.reply() == ""
        with Talk(port, source="127.0.0.1") as talk:
            assert talk.reply().startswith("220")
            assert talk.say("PROXY TCP4 192.0.2.77 192.0.2.1 4096 25").startswith("500")


def test_a_browser_is_shown_out_at_its_first_line(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        talk.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<carl@remote.test>\r\n")
        assert [talk.reply()[:3] for _ in range(3)] == ["500", "421", ""]
