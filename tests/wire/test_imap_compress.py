"""COMPRESS=DEFLATE (RFC 4978): only where it is switched on, readable both ways, and no bomb fills the memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk


@pytest.fixture(scope="module")
def role(migrated_once: Path | str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    settings = {"imap": {"compress": True}}
    with serving_ann_and_bob(migrated_once, tmp_path_factory.mktemp("compress"), **settings) as running:
        yield running


class Compressed:
    """A session behind COMPRESS."""

    def __init__(self, talk: Talk) -> None:
        assert b" COMPRESS=DEFLATE" in talk.say(b"c CAPABILITY")[0]
        assert talk.say(b"z COMPRESS DEFLATE") == [b"z OK COMPRESS completed"]
        self.talk = talk
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)

    def send(self, octets: bytes) -> None:
        self.talk.send(self.deflate.compress(octets) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    def until(self, tag: bytes) -> bytes:
        answer = b""
        while b"\r\n" + tag + b" " not in b"\r\n" + answer:
            octets = self.talk.socket.recv(65_536)
            assert octets, answer
            answer += self.inflate.decompress(octets)
        return answer

    def say(self, command: bytes) -> bytes:
        self.send(command + b"\r\n")
        return self.until(command.split(b" ", 1)[0])


def test_both_ways_are_compressed_and_every_answer_comes_at_once(role: ImapRole) -> None:
    session = Compressed(role.signed_in())
    assert session.say(b"a NOOP") == b"a OK NOOP completed\r\n"
    mail = b"Subject: long\r\n\r\n" + b"word " * 100_000
    assert b"b OK [APPENDUID " in session.say(b"b APPEND INBOX {%d+}\r\n%b" % (len(mail), mail))
    session.say(b"c SELECT INBOX")
    assert mail in session.say(b"d FETCH 1:* BODY.PEEK[]")
    assert session.say(b"e COMPRESS DEFLATE").startswith(b"e NO [COMPRESSIONACTIVE]")
    assert b"COMPRESS" not in session.say(b"f CAPABILITY").partition(b"\r\n")[0]


def test_a_bomb_is_stopped_at_the_limit_of_a_line(role: ImapRole) -> None:
    session = Compressed(role.signed_in())
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    session.talk.send(b"".join(bomb.compress(b"a" * 1_000_000) for _ in range(300)) + bomb.flush())
    answer = b""
    while octets := session.talk.socket.recv(65_536):
        answer += session.inflate.decompress(octets)
    assert b"line longer than" in answer
    assert Path(f"/proc/{role.process.pid}").exists() if role.process else False


def test_what_is_no_deflate_stream_ends_the_session(role: ImapRole) -> None:
    session = Compressed(role.signed_in())
    session.talk.send(b"\xff" * 100)
    assert session.talk.closed()
    assert "raised" not in role.log()


def test_it_is_off_unless_switched_on(migrated_folder: Path, tmp_path: Path) -> None:
    with serving_ann_and_bob(migrated_folder, tmp_path) as plain:
        talk = plain.signed_in()
        assert b"COMPRESS" not in talk.say(b"a CAPABILITY")[0]
        assert talk.say(b"b COMPRESS DEFLATE")[-1].startswith(b"b NO [CANNOT]")
