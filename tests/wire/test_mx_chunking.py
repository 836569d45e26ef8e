"""BDAT at the MX (RFC 3030): chunks of told sizes, pipelined, with every limit and refusal that DATA has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import smtp_role
from peers.smtp_role import Premises, Running, Talk, Tenant
from store import arrivals

HEADER = b"From: Carl <carl@remote.test>\r\nTo: ann@ours.test\r\nSubject: chunks\r\n\r\n"
MOST = 100_000


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Premises]:
    with smtp_role.premises_in(
        tmp_path_factory.mktemp("mx-chunking"), migrated_folder, [("remote.test", "A", "127.0.0.9")]
    ) as made:
        yield made


@pytest.fixture(scope="module")
def tenant(premises: Premises) -> Tenant:
    return smtp_role.settle_tenant(premises.stores)


@pytest.fixture(scope="module")
def mx(premises: Premises, tenant: Tenant) -> Iterator[Running]:
    with premises.role("mx", message_bytes=MOST) as running:
        yield running


@pytest.fixture
def talk(mx: Running) -> Iterator[Talk]:
    with Talk(mx.ports["mx"]) as talk:
        assert talk.begin("carl@remote.test", "ann@ours.test")[1].startswith("250")
        yield talk


def bodies(premises: Premises) -> list[bytes]:
    """What stands behind the header of each message in the store."""
    with premises.stores.mail.database.read() as tx:
        kept = arrivals.load(tx, arrivals.waiting(tx, 0, 1000))
    return [premises.spool.get(one.blob, one.file).split(HEADER)[1] for one in kept]


def chunk(octets: bytes, last: bool = False) -> bytes:
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"") + octets


def test_one_chunk_is_a_message_and_dots_in_it_mean_nothing(premises: Premises, talk: Talk) -> None:
    talk.send(chunk(HEADER + b"..\r\n.\r\n.x\r\n", last=True))
    assert talk.reply().startswith("250 2.0.0 Accepted")
    assert bodies(premises)[-1] == b"..\r\n.\r\n.x\r\n"


def test_pipelined_chunks_are_answered_in_order_and_are_one_message(premises: Premises, talk: Talk) -> None:
    pieces = [HEADER, b"one\r", b"\ntwo", b"", b" and three"]
    talk.send(b"".join(chunk(piece) for piece in pieces) + b"BDAT 0 LAST\r\nNOOP\r\nQUIT\r\n")
    replies = [talk.reply()[:9] for _ in range(8)]
    assert replies == ["250 2.0.0"] * 7 + ["221 2.0.0"]
    assert bodies(premises)[-1] == b"one\r\ntwo and three\r\n"


def test_a_chunk_may_come_octet_by_octet_and_hold_what_looks_like_commands(premises: Premises, talk: Talk) -> None:
    for octet in chunk(HEADER + b"QUIT\r\n.\r\nRSET\r\n", last=True):
        talk.send(bytes([octet]))
    assert talk.reply().startswith("250 2.0.0 Accepted")
    assert bodies(premises)[-1] == b"QUIT\r\n.\r\nRSET\r\n"


def test_without_a_recipient_its_octets_are_read_and_run_as_nothing(premises: Premises, mx: Running) -> None:
    before = len(bodies(premises))
    with Talk(mx.ports["mx"]) as talk:
        talk.begin("carl@remote.test", "nobody@ours.test")
        talk.send(chunk(b"RSET\r\nMAIL FROM:<x@remote.test>\r\n") + chunk(b"", last=True) + b"NOOP\r\n")
        assert [talk.reply()[:3] for _ in range(3)] == ["503", "503", "250"]
    assert len(bodies(premises)) == before


def test_a_message_over_the_limit_is_refused_once_its_chunk_is_in(premises: Premises, talk: Talk) -> None:
    before = len(bodies(premises))
    talk.send(chunk(HEADER) + chunk(b"x" * MOST) + chunk(b"more", last=True) + b"NOOP\r\n")
    assert [talk.reply()[:9] for _ in range(4)] == ["250 2.0.0", "552 5.3.4", "503 5.5.1", "250 2.0.0"]
    assert len(bodies(premises)) == before


@pytest.mark.parametrize("words", ["BDAT", "BDAT x", "BDAT -1", "BDAT 5 FIRST", "BDAT 5 LAST LAST", "BDAT 0x10 LAST"])
def test_a_size_that_is_none_ends_the_session_before_its_octets_run(talk: Talk, words: str) -> None:
    talk.send(words.encode() + b"\r\nRSET\r\n")
    assert [talk.reply()[:3] for _ in range(3)] == ["501", "421", ""]


def test_a_size_beyond_all_measure_is_not_waited_for(talk: Talk) -> None:
    assert talk.say("BDAT 999999999999 LAST").startswith("552 5.3.4")
    assert talk.reply().startswith("421")


def test_data_and_bdat_do_not_mix_and_reset_forgets_chunks(premises: Premises, talk: Talk) -> None:
    talk.send(chunk(HEADER + b"first\r\n"))
    assert talk.reply().startswith("250")
    assert talk.say("DATA").startswith("503")
    assert talk.say("RCPT TO:<bob@ours.test>").startswith("503")
    assert talk.say("RSET").startswith("250")
    assert talk.say("MAIL FROM:<carl@remote.test>").startswith("250")
    assert talk.say("RCPT TO:<ann@ours.test>").startswith("250")
    talk.send(chunk(HEADER + b"second\r\n", last=True))
    assert talk.reply().startswith("250 2.0.0 Accepted")
    assert bodies(premises)[-1] == b"second\r\n"


@pytest.mark.parametrize("body", [b"a\n.\nb", b"a\rb", b"a\r\n.\rb\r\n", b"end\r", b"\n"])
def test_security_01_bare_line_ends_in_a_chunk_are_refused_as_smuggling(
    premises: Premises, talk: Talk, body: bytes
) -> None:
    before = len(bodies(premises))
    talk.send(chunk(HEADER) + chunk(body, last=True) + b"NOOP\r\n")
    assert talk.reply().startswith("250 2.0.0")
    assert "smuggling" in talk.reply()
    assert talk.reply().startswith("421")
    assert len(bodies(premises)) == before


def test_security_05_half_a_chunk_is_no_message(premises: Premises, mx: Running, talk: Talk) -> None:
    before = len(bodies(premises))
    talk.send(b"BDAT 500 LAST\r\n" + HEADER)
    talk.close()
    with Talk(mx.ports["mx"]) as other:
        other.begin("carl@remote.test", "ann@ours.test")
        other.send(chunk(HEADER + b"whole\r\n", last=True))
        assert other.reply().startswith("250")
    assert bodies(premises)[before:] == [b"whole\r\n"]
