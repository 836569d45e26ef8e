"""What a host offers is used, and what it lacks decides beforehand: SIZE, CHUNKING, SMTPUTF8, 8BITMIME."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import pytest
import uvloop

from mail.address import parse_mailbox
from mail.outcome import Effect, Reason
from net.smtp_client import CHUNKED
from net.smtp_connection import Answer, Connection
from net.smtp_content import Content, Large, Traits
from net.smtp_peer import Peer, Timeouts
from peers.scripted_host import ADDRESS, Talk, playing
from policy.bounce_class import outcome_of_reply

CALM = Timeouts(*(timedelta(seconds=5) for _ in range(6)))
LETTER = b"Subject: hello\r\n\r\nhello\r\n"
ANN = "ann@remote.test"
LARGE = b"Subject: large\r\n\r\n" + b".a line of a large message\r\n" * (CHUNKED // 20)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 20))


class Hears:
    """A host that offers these keywords and takes messages by DATA and by BDAT; what it heard is kept."""

    def __init__(self, *offered: str, bdat_reply: bytes = b"250 taken\r\n") -> None:
        lines = ["here", *offered]
        self.hello = "".join(f"250-{line}\r\n" for line in lines[:-1]).encode() + f"250 {lines[-1]}\r\n".encode()
        self.commands: list[bytes] = []
        self.contents: list[bytes] = []
        self.whole = 0
        self._bdat_reply = bdat_reply

    async def __call__(self, talk: Talk) -> None:
        await talk.greet(self.hello)
        while line := await talk.line():
            self.commands.append(line.rstrip())
            if line.startswith(b"BDAT"):
                self.contents.append(await talk.reader.readexactly(int(line.split()[1])))
                self.whole += 1
                talk.say(self._bdat_reply)
            elif line == b"DATA\r\n":
                talk.say(b"354 go on\r\n")
                self.contents.append(await talk.message())
                self.whole += bytes(talk.heard).endswith(b"\r\n.\r\n")
                talk.say(b"250 taken\r\n")
            else:
                talk.say(b"550 5.1.1 nobody\r\n" if b"nobody@" in line else b"250 ok\r\n")

    def send(self, content: Content, *to: str, may_end: bool = True) -> list[Answer]:
        answers: list[Answer] = []

        async def test() -> None:
            async with playing(self) as host:
                peer = Peer("mx.remote.test", ADDRESS, host.port, "127.0.7.2", "out1.mailloft.test")
                connection = await Connection.connect(peer, CALM, None)
                answers.extend(
                    [
                        await connection.transact("b+token@ours.test", one, content, lambda: may_end)
                        for one in to or (ANN,)
                    ]
                )
                await connection.quit()

        run(test)
        return answers


def codes(answers: list[Answer]) -> list[int | None]:
    return [answer.reply.code if answer.reply else None for answer in answers]


def test_a_large_message_goes_by_bdat_where_it_is_offered_and_its_dots_are_not_doubled() -> None:
    host = Hears("PIPELINING", "CHUNKING")
    assert codes(host.send(LARGE, "ann@remote.test", "bob@remote.test")) == [250, 250]
    assert host.contents == [LARGE, LARGE]
    assert host.commands.count(b"BDAT %d LAST" % len(LARGE)) == 2
    assert b"DATA" not in host.commands


def test_a_small_message_rides_with_its_envelope_unless_the_host_does_not_pipeline() -> None:
    pipelining, waiting = Hears("PIPELINING", "CHUNKING"), Hears("CHUNKING")
    pipelining.send(LETTER)
    waiting.send(LETTER)
    assert b"DATA" in pipelining.commands
    assert b"BDAT %d LAST" % len(LETTER) in waiting.commands
    assert waiting.contents == [LETTER]


def read_in(*blocks: bytes, broken: bool = False) -> Large:
    """A message that is read while it goes out, `broken`: its disk fails behind these blocks."""

    def read() -> Iterator[bytes]:
        yield from blocks
        if broken:
            raise OSError("the disk is broken")

    return Large(Traits(sum(map(len, blocks)), False, False, False), read)


@pytest.mark.parametrize("offered", [("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=["DATA", "BDAT"])
def test_a_message_that_is_read_while_it_goes_out_arrives_whole_wherever_its_blocks_were_cut(
    offered: tuple[str, ...],
) -> None:
    cuts = [LARGE[:40_000], LARGE[40_000:40_001], LARGE[40_001:-1], LARGE[-1:]]
    at_dots = [LARGE[:17], LARGE[17:18], LARGE[18:19], LARGE[19:]]
    host = Hears(*offered)
    assert codes([*host.send(read_in(*cuts)), *host.send(read_in(*at_dots))]) == [250, 250]
    stuffed = "CHUNKING" not in offered
    assert [one.replace(b"\r\n..", b"\r\n.") if stuffed else one for one in host.contents] == [LARGE, LARGE]


@pytest.mark.parametrize("offered", [("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=["DATA", "BDAT"])
def test_a_message_whose_disk_fails_on_the_way_is_never_ended(offered: tuple[str, ...]) -> None:
    host = Hears(*offered)
    (answer,) = host.send(read_in(LARGE[:50_000], LARGE[50_000:], broken=True))
    assert (answer.reply, host.whole) == (None, 0)
    assert "the disk is broken" in answer.words


def test_a_large_message_goes_by_data_with_dots_doubled_where_chunking_is_not_offered() -> None:
    host = Hears("PIPELINING")
    assert codes(host.send(LARGE)) == [250]
    assert host.contents[0].replace(b"\r\n..", b"\r\n.") == LARGE
    assert host.contents[0].count(b"\r\n..") == LARGE.count(b"\r\n.")


def test_no_octet_of_a_message_is_sent_to_a_host_that_refused_its_recipient_before_bdat() -> None:
    host = Hears("PIPELINING", "CHUNKING")
    assert codes(host.send(LARGE, "nobody@remote.test", "ann@remote.test")) == [550, 250]
    assert host.contents == [LARGE]


def test_a_refusal_of_bdat_is_the_answer() -> None:
    host = Hears("CHUNKING", bdat_reply=b"554 5.7.1 no\r\n")
    assert codes(host.send(LETTER)) == [554]


def test_a_worker_that_lost_its_claims_ends_no_chunk() -> None:
    host = Hears("CHUNKING")
    (answer,) = host.send(LARGE, may_end=False)
    assert answer.reply is None
    assert "claims" in answer.words
    assert host.contents == []


@pytest.mark.parametrize("offer", ["SIZE 20", "SIZE 24"])
def test_a_message_larger_than_the_host_takes_is_not_sent_and_is_too_large(offer: str) -> None:
    host = Hears("PIPELINING", offer)
    (answer,) = host.send(LETTER)
    assert answer.reply is not None
    assert outcome_of_reply("ann@remote.test", answer.reply).reason is Reason.EMAILTOOLARGE
    assert not [command for command in host.commands if command != b"QUIT"]


@pytest.mark.parametrize("offer", ["SIZE", "SIZE 0", "SIZE 26", "SIZE many"])
def test_a_limit_that_is_none_or_large_enough_stops_nothing(offer: str) -> None:
    assert codes(Hears("PIPELINING", offer).send(LETTER)) == [250]


def test_an_internationalised_domain_needs_no_smtputf8() -> None:
    host = Hears("PIPELINING")
    assert codes(host.send(LETTER, str(parse_mailbox("ann@bücher.test")))) == [250]
    assert b"RCPT TO:<ann@xn--bcher-kva.test>" in host.commands


def test_a_local_part_beyond_ascii_asks_for_smtputf8() -> None:
    host = Hears("PIPELINING", "SMTPUTF8", "8BITMIME")
    assert codes(host.send(LETTER, "лена@remote.test")) == [250]
    assert host.commands[0].endswith(b" SMTPUTF8")


def test_an_address_that_the_host_cannot_read_is_refused_for_good_without_asking() -> None:
    host = Hears("PIPELINING")
    (answer,) = host.send(LETTER, "лена@remote.test")
    assert answer.reply is not None
    assert (answer.reply.code, answer.reply.enhanced) == (550, "5.6.7")
    assert outcome_of_reply("лена@remote.test", answer.reply).effect is Effect.NONE
    assert not [command for command in host.commands if command != b"QUIT"]


def test_content_beyond_ascii_is_declared_where_it_can_be_and_sent_as_it_is_everywhere() -> None:
    content = LETTER + "Привет\r\n".encode()
    modern, old = Hears("PIPELINING", "8BITMIME"), Hears("PIPELINING")
    modern.send(content)
    old.send(content)
    assert b"BODY=8BITMIME" in modern.commands[0]
    assert old.commands[0] == b"MAIL FROM:<b+token@ours.test>"
    assert modern.contents == old.contents == [content]


def test_a_header_beyond_ascii_asks_for_smtputf8_where_it_can_be_had() -> None:
    content = "Subject: Привет\r\n\r\nhello\r\n".encode()
    modern, old = Hears("PIPELINING", "SMTPUTF8", "8BITMIME"), Hears("PIPELINING")
    assert codes(modern.send(content) + old.send(content)) == [250, 250]
    assert b"SMTPUTF8" in modern.commands[0]
