"""The MX against hostile peers: the rows of spec/SECURITY.md that concern port 25."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail.verp import Tokens
from peers import smtp_role
from peers.smtp_role import Premises, Running, Talk, Tenant, deliver
from peers.smuggling import ENDINGS, NAMES
from store import arrivals

HEADER = b"From: Carl <carl@remote.test>\r\nSubject: x\r\n\r\n"
RECORDS = [
    ("remote.test", "TXT", "v=spf1 -all"),
    ("strict.test", "TXT", "v=spf1 -all"),
    ("_dmarc.strict.test", "TXT", "v=DMARC1; p=reject"),
    ("loop.test", "TXT", "v=spf1 include:loop.test -all"),
    ("void.test", "TXT", "v=spf1 a:no1.test a:no2.test a:no3.test a:no4.test -all"),
    ("mute.test", "TXT", "v=spf1 include:silent.test include:silent2.test include:silent3.test -all"),
    ("huge.test", "TXT", "v=spf1 " + "ip4:192.0.2.1 " * 4000 + "-all"),
]
FAULTS = {"silent.test": "timeout", "silent2.test": "timeout", "silent3.test": "timeout"}


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Premises]:
    with smtp_role.premises_in(tmp_path_factory.mktemp("mx-security"), migrated_folder, RECORDS, FAULTS) as made:
        yield made


@pytest.fixture(scope="module")
def tenant(premises: Premises) -> Tenant:
    return smtp_role.settle_tenant(premises.stores)


@pytest.fixture(scope="module")
def mx(premises: Premises, tenant: Tenant) -> Iterator[Running]:
    with premises.role("mx") as running:
        yield running


def waiting(premises: Premises) -> int:
    with premises.stores.mail.database.read() as tx:
        return arrivals.backlog(tx)[0]


@pytest.mark.parametrize("ending", ENDINGS, ids=NAMES)
@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["one segment", "two segments"])
def test_security_01_an_end_that_is_none_is_refused_as_smuggling(
    premises: Premises, mx: Running, ending: bytes, pause: float
) -> None:
    before = waiting(premises)
    smuggled = b"MAIL FROM:<evil@remote.test>\r\nRCPT TO:<ann@ours.test>\r\nDATA\r\n" + HEADER + b"smuggled"
    with Talk(mx.ports["mx"]) as talk:
        talk.begin("carl@remote.test", "ann@ours.test")
        talk.say("DATA")
        talk.send(HEADER + b"first" + ending)
        time.sleep(pause)
        talk.send(smuggled + b"\r\n.\r\n")
        refusal = talk.reply()
        rest = [talk.reply() for _ in range(3)]
    assert refusal.startswith("554 5.6.0")
    assert "smuggling" in refusal
    assert not any(reply.startswith(("250", "354")) for reply in rest)
    assert waiting(premises) == before


def test_security_01_a_forged_end_is_answered_without_waiting_for_a_real_one(mx: Running) -> None:
    with Talk(mx.ports["mx"], timeout=5) as talk:
        talk.begin("carl@remote.test", "ann@ours.test")
        talk.say("DATA")
        talk.send(HEADER + b"first\n.\n")
        assert "smuggling" in talk.reply()


def test_security_03_what_is_pipelined_behind_starttls_is_not_run(premises: Premises, mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        talk.say("EHLO client.test")
        talk.send(b"STARTTLS\r\nEHLO y\r\nMAIL FROM:<injected@remote.test>\r\nRCPT TO:<ann@ours.test>\r\n")
        assert talk.reply().startswith("220")
        talk.socket = smtp_role.trusting(premises).wrap_socket(talk.socket, server_hostname="localhost")
        talk.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            talk.reply()
        talk.socket.settimeout(10)
        assert talk.say("RCPT TO:<ann@ours.test>").startswith("503")
        assert talk.say("MAIL FROM:<carl@remote.test>").startswith("503 5.5.1 Say EHLO")


def test_security_03_the_state_from_before_tls_is_forgotten(premises: Premises, mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.begin("carl@remote.test", "ann@ours.test")
        talk.starttls(smtp_role.trusting(premises))
        assert talk.say("DATA").startswith("503")


def test_security_05_clear_octets_behind_close_notify_end_the_session(premises: Premises, mx: Running) -> None:
    before = waiting(premises)
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        talk.say("EHLO client.test")
        talk.starttls(smtp_role.trusting(premises))
        talk.say("EHLO client.test")
        talk.say("MAIL FROM:<carl@remote.test>")
        talk.say("RCPT TO:<ann@ours.test>")
        assert talk.say("DATA").startswith("354")
        talk.send(HEADER + b"half of it")
        secured = talk.socket
        assert isinstance(secured, ssl.SSLSocket)
        clear = secured
        try:
            clear = secured.unwrap()
            clear.sendall(b"\r\n.\r\n")
        except OSError:
            pass
        clear.settimeout(5)
        with contextlib.suppress(OSError):
            assert b"250" not in clear.recv(4096)
    time.sleep(0.2)
    assert waiting(premises) == before


def test_security_06_port_25_never_signs_anybody_in(premises: Premises, mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        assert "AUTH" not in talk.say("EHLO client.test")
        assert talk.say("AUTH LOGIN").startswith("502")
        talk.starttls(smtp_role.trusting(premises))
        assert "AUTH" not in talk.say("EHLO client.test")
        assert talk.say("AUTH PLAIN AGEAYg==").startswith("502")


@pytest.mark.parametrize("domain", ["loop.test", "void.test", "huge.test"])
def test_security_15_hostile_zones_end_in_a_result_not_in_a_wait(mx: Running, domain: str) -> None:
    began = time.monotonic()
    message = HEADER.replace(b"remote.test", domain.encode())
    assert deliver(mx.ports["mx"], f"x@{domain}", ["ann@ours.test"], message).startswith("250")
    assert time.monotonic() - began < 3
    said = [line for line in mx.log() if line["event"] == "accepted"][-1]
    assert said["spf"] in ("permerror", "fail")


def test_security_15_silent_name_servers_cost_a_message_its_budget_and_others_nothing(mx: Running) -> None:
    with Talk(mx.ports["mx"], timeout=30) as slow:
        slow.begin("x@mute.test", "ann@ours.test")
        slow.say("DATA")
        began = time.monotonic()
        slow.send(HEADER.replace(b"remote", b"mute") + b".\r\n")
        assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], HEADER).startswith("250")
        assert time.monotonic() - began < 1.5
        assert slow.reply().startswith("250")
        assert time.monotonic() - began < 12


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.53", "127.1.2.3"])
@pytest.mark.parametrize(
    "forward_path",
    [
        "carl@remote.test",
        "carl%remote.test@ours.test",
        "carl@remote.test@ours.test",
        "@ours.test:carl@remote.test",
        '"carl@remote.test"@ours.test',
        '"carl@remote.test"',
        "remote.test!carl@ours.test",
        "carl@[127.0.0.1]",
        "carl@localhost",
        "carl",
    ],
)
def test_security_17_nobody_relays_through_us_from_wherever_he_comes(
    mx: Running, source: str, forward_path: str
) -> None:
    with Talk(mx.ports["mx"], source=source) as talk:
        for reverse_path in ("ann@ours.test", "", "carl@remote.test"):
            talk.say("RSET") if reverse_path != "ann@ours.test" else talk.begin("ann@ours.test")
            if reverse_path != "ann@ours.test":
                talk.say(f"MAIL FROM:<{reverse_path}>")
            assert talk.say(f"RCPT TO:<{forward_path}>")[:2] in ("55", "50")


def test_security_18_policy_is_answered_in_the_session_and_nothing_is_kept(premises: Premises, mx: Running) -> None:
    before = waiting(premises)
    strict = HEADER.replace(b"remote.test", b"strict.test")
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], strict).startswith("550 5.7.1")
    two = HEADER.replace(b"Subject", b"From: ceo@strict.test\r\nSubject")
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], two).startswith("550 5.7.1")
    circling = b"Received: from a by b; x\r\n" * 51 + HEADER
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], circling).startswith("554 5.4.6")
    assert waiting(premises) == before


def test_security_18_a_forged_return_address_takes_no_bounce(premises: Premises, mx: Running) -> None:
    made = Tokens(premises.vault.derived("tokens")).reverse_path_local(7)
    forged = made[:-1] + ("a" if made[-1] != "a" else "b")
    stranger = Tokens(b"another secret of 16").reverse_path_local(7)
    for local in (forged, stranger):
        with Talk(mx.ports["mx"]) as talk:
            assert talk.begin("", f"{local}@ours.test")[1].startswith("550 5.7.1")


def test_security_19_vrfy_and_expn_tell_nothing_and_guessing_is_slowed(mx: Running) -> None:
    with Talk(mx.ports["mx"]) as talk:
        talk.reply()
        talk.say("EHLO client.test")
        assert talk.say("VRFY ann@ours.test") == talk.say("VRFY nobody@ours.test")
        assert talk.say("VRFY ann").startswith("252")
        assert talk.say("EXPN ann@ours.test").startswith("502")
        talk.say("MAIL FROM:<carl@remote.test>")
        began = time.monotonic()
        for number in range(8):
            talk.say(f"RCPT TO:<guess{number}@ours.test>")
        assert time.monotonic() - began > 1.5


def test_security_12_a_line_without_end_is_cut_off_and_others_are_served(mx: Running) -> None:
    with Talk(mx.ports["mx"], timeout=5) as talk, Talk(mx.ports["mx"]) as other:
        talk.reply()
        try:
            for _ in range(64):
                talk.send(b"x" * 65536)
        except OSError:
            pass
        other.reply()
        assert other.say("NOOP").startswith("250")
        other.send(b"EHLO " + b"(" * 1900 + b"\r\n")
        assert other.reply()[:3] in ("250", "500", "501")
        other.send(b"MAIL FROM:<" + b"(" * 1900 + b"@remote.test>\r\n")
        assert other.reply()[0] == "5"
    resident = next(line for line in Path(f"/proc/{mx.process.pid}/status").read_text().splitlines() if "VmRSS" in line)
    assert int(resident.split()[1]) < 300_000


def test_a_forged_result_of_ours_is_taken_out_and_those_of_others_stay(premises: Premises, mx: Running) -> None:
    forged = (
        b"Authentication-Results: mx.ours.test; dmarc=pass\r\n"
        b"AUTHENTICATION-RESULTS: (a (nested) word) MX.ours.test\r\n\t; dkim=pass\r\n"
        b'Authentication-Results: "mx.ours.test" 1; spf=pass\r\n'
        b"Return-Path: <forged@remote.test>\r\n"
        b"Authentication-Results: mx.remote.test; spf=pass\r\n"
    )
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], forged + HEADER).startswith("250")
    with premises.stores.mail.database.read() as tx:
        arrival = arrivals.load(tx, arrivals.waiting(tx, 0, 10_000))[-1]
    kept = premises.spool.get(arrival.blob, arrival.file)
    assert kept.lower().count(b"authentication-results:") == 2
    assert b"mx.remote.test; spf=pass" in kept
    assert b"forged@" not in kept
    assert kept.index(b"Authentication-Results: mx.ours.test") < kept.index(b"Received:")


def test_a_peer_that_hangs_up_before_the_end_leaves_nothing(premises: Premises, mx: Running) -> None:
    before = waiting(premises)
    with Talk(mx.ports["mx"]) as talk:
        talk.begin("carl@remote.test", "ann@ours.test")
        talk.say("DATA")
        talk.send(HEADER + b"half\r\n.\r")
        talk.socket.shutdown(socket.SHUT_WR)
        assert not talk.reply().startswith("250")
    assert waiting(premises) == before


def test_a_header_that_hides_its_from_behind_the_limit_is_refused(mx: Running) -> None:
    hidden = b"X-Padding: " + b"x" * 70 + b"\r\n"
    reply = deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], hidden * 4000 + HEADER + b"Hello\r\n")
    assert reply.startswith("552 5.3.4")


def test_an_author_behind_many_others_is_refused(mx: Running) -> None:
    others = b", ".join(b"a%d@remote.test" % number for number in range(20))
    content = b"From: " + others + b", boss@strict.test\r\nSubject: x\r\n\r\nHello\r\n"
    assert deliver(mx.ports["mx"], "carl@remote.test", ["ann@ours.test"], content).startswith("550 5.7.1 From names")
