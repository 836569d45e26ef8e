"""A remote host may answer, refuse, lie, fall silent or flood: what one connection makes of it.

Each host is a script over a real socket (tests/peers/scripted_host.py); the connection is the sender's own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
import trustme
import uvloop

from net.smtp_connection import Answer, Connection
from net.smtp_peer import ConnectError, Peer, Timeouts
from peers.scripted_host import ADDRESS, HELLO, Script, Talk, playing
from peers.tls import server_context, trusting_nobody

SOURCE = "127.0.7.2"
LETTER = b"Subject: hello\r\n\r\nhello\r\n"
QUICK = Timeouts(*(timedelta(seconds=0.4) for _ in range(6)))
CALM = Timeouts(*(timedelta(seconds=5) for _ in range(6)))


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 20))


async def connect(port: int, timeouts: Timeouts = CALM, tls: bool = False) -> Connection:
    peer = Peer("mx.remote.test", ADDRESS, port, SOURCE, "out1.mailloft.test")
    return await Connection.connect(peer, timeouts, trusting_nobody() if tls else None)


async def send(connection: Connection, content: bytes = LETTER, to: str = "ann@remote.test") -> Answer:
    return await connection.transact("b+token@ours.test", to, content, lambda: True)


def one(script: Script, timeouts: Timeouts = CALM, content: bytes = LETTER) -> tuple[Answer, bool, bytes]:
    """One message to that host: the answer, whether the connection may carry another, and what the host heard."""
    found: list[tuple[Answer, bool, bytes]] = []

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port, timeouts)
            answer = await send(connection, content)
            usable = connection.usable
            connection.abort()
            await host.ended()
            found.append((answer, usable, bytes(host.talks[0].heard)))

    run(test)
    return found[0]


def refused_session(script: Script, timeouts: Timeouts = CALM, tls: bool = False) -> ConnectError:
    found: list[ConnectError] = []

    async def test() -> None:
        async with playing(script) as host:
            with pytest.raises(ConnectError) as raised:
                await connect(host.port, timeouts, tls)
            found.append(raised.value)

    run(test)
    return found[0]


def code(answer: Answer) -> int | None:
    return answer.reply.code if answer.reply else None


# How it speaks


def test_envelope_and_data_come_in_one_segment_where_pipelining_is_offered() -> None:
    blocks = []

    async def script(talk: Talk) -> None:
        await talk.greet()
        blocks.append(await talk.block())
        talk.say(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await talk.message()
        talk.say(b"250 taken\r\n")
        await talk.rest()

    answer, usable, _ = one(script)
    assert blocks[0].count(b"\r\n") == 3
    assert [line.split(b" ")[0] for line in blocks[0].splitlines()] == [b"MAIL", b"RCPT", b"DATA"]
    assert (code(answer), usable) == (250, True)


NEXT = ("b+next@ours.test", "bob@remote.test", b"Subject: next\r\n\r\nnext\r\n")


def two(
    script: Script, timeouts: Timeouts = CALM, second: tuple[str, str, bytes] = NEXT
) -> tuple[list[Answer], Connection, bytes]:
    """A message, NEXT announced behind it, then `second`: both answers, the connection, what the host heard."""
    found: list[tuple[list[Answer], Connection, bytes]] = []

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port, timeouts)
            first = await connection.transact(
                "b+token@ours.test", "ann@remote.test", LETTER, lambda: True, following=lambda: NEXT
            )
            answers = [first, await connection.transact(*second, lambda: True)]
            await connection.quit()
            await host.ended()
            found.append((answers, connection, bytes(host.talks[0].heard)))

    run(test)
    return found[0]


def test_the_next_envelope_rides_with_the_final_dot_and_data_comes_last() -> None:
    blocks = []

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        blocks.append(await talk.block())
        talk.say(b"250 taken\r\n250 ok\r\n250 ok\r\n354 go on\r\n")
        blocks.append(await talk.block())
        talk.say(b"250 taken too\r\n")
        await talk.rest()

    answers, _, heard = two(script)
    assert [str(one.reply) for one in answers] == ["250 taken", "250 taken too"]
    assert blocks[0].startswith(LETTER + b".\r\nMAIL FROM:<b+next@ours.test>")
    assert blocks[0].endswith(b"\r\nRCPT TO:<bob@remote.test>\r\nDATA\r\n")
    assert blocks[1] == NEXT[2] + b".\r\n"
    assert heard.endswith(b"QUIT\r\n")
    assert answers[1].transcript.startswith("> MAIL FROM:<b+next@ours.test>")
    assert "bob@" not in answers[0].transcript


def test_each_of_two_has_its_own_answer_though_all_come_at_once() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.block()
        talk.say(b"451 4.3.0 later\r\n250 ok\r\n550 5.1.1 no bob\r\n503 no recipient\r\n")
        await talk.rest()

    answers, _, heard = two(script)
    assert [code(one) for one in answers] == [451, 550]
    assert b"next\r\n.\r\n" not in heard


def test_an_announced_message_of_an_ended_connection_may_be_sent_anew_at_once() -> None:
    for ending in (b"250 taken\r\n", b"250 taken\r\n421 enough\r\n"):

        async def script(talk: Talk, ending: bytes = ending) -> None:
            await talk.greet()
            await talk.envelope()
            await talk.block()
            talk.say(ending)  # and hangs up

        answers, connection, heard = two(script)
        assert [code(one) for one in answers] == [250, None]
        assert [one.heard for one in answers] == [True, False]
        assert not connection.out_of_step
        assert heard.count(b"\r\n.\r\n") == 1


def test_a_host_that_hears_nothing_behind_the_dot_is_known_for_it() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        await talk.rest()

    answers, connection, heard = two(script, QUICK)
    assert [code(one) for one in answers] == [250, None]
    assert (answers[1].heard, connection.out_of_step) == (False, True)
    assert heard.count(b"\r\n.\r\n") == 1


def test_another_message_than_the_announced_one_never_gets_into_its_data() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.block()
        talk.say(b"250 taken\r\n250 ok\r\n250 ok\r\n354 go on\r\n")
        await talk.rest()

    answers, _, heard = two(script, second=("b+x@ours.test", "eve@remote.test", b"Subject: x\r\n\r\nx\r\n"))
    assert [(code(one), one.heard) for one in answers] == [(250, True), (None, False)]
    assert heard.endswith(b"DATA\r\n")


def test_nothing_is_announced_to_a_host_that_does_not_pipeline() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(b"250 here\r\n")
        for _ in range(2):
            await talk.envelope()
            assert (await talk.block()).endswith(b"\r\n.\r\n")
            talk.say(b"250 taken\r\n")
        await talk.rest()

    answers, _, _ = two(script)
    assert [code(one) for one in answers] == [250, 250]


def test_without_pipelining_nothing_is_said_before_the_answer() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(b"250 here\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            assert (await talk.block()).count(b"\r\n") == 1
            await asyncio.sleep(0.05)
            talk.say(reply)
        await talk.message()
        talk.say(b"250 taken\r\n")
        await talk.rest()

    assert code(one(script)[0]) == 250


def test_a_host_that_refuses_ehlo_is_offered_helo_and_no_extension_is_used() -> None:
    async def script(talk: Talk) -> None:
        talk.say(b"220 old\r\n")
        await talk.line()
        talk.say(b"502-what\r\n502 is that\r\n")
        assert await talk.line() == b"HELO out1.mailloft.test\r\n"
        talk.say(b"250 here\r\n")
        assert await talk.block() == b"MAIL FROM:<b+token@ours.test>\r\n"
        talk.say(b"250 ok\r\n")
        for reply in (b"250 ok\r\n", b"354 go on\r\n"):
            await talk.line()
            talk.say(reply)
        await talk.message()
        talk.say(b"250 taken\r\n")
        await talk.rest()

    assert code(one(script)[0]) == 250


def test_a_second_message_needs_no_new_connection_and_a_refusal_is_reset() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        for reply in (b"250 ok\r\n", b"550 5.1.1 no such user\r\n", b"503 nobody\r\n"):
            await talk.line()
            talk.say(reply)
        assert await talk.line() == b"RSET\r\n"
        talk.say(b"250 ok\r\n")
        await talk.take()
        assert (await talk.line()).startswith(b"MAIL FROM:")  # after a whole message no RSET is needed
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            assert [code(await send(connection)) for _ in range(2)] == [550, 250]
            waiting = asyncio.ensure_future(send(connection))
            await asyncio.sleep(0.05)
            connection.abort()
            await waiting
            assert len(host.talks) == 1

    run(test)


# What it refuses


def test_421_at_the_greeting_is_told_and_no_session_comes_about() -> None:
    async def script(talk: Talk) -> None:
        talk.say(b"421 4.3.2 too busy\r\n")

    refused = refused_session(script)
    assert refused.reply is not None and refused.reply.code == 421
    assert "too busy" in str(refused)


@pytest.mark.parametrize("hangs_up", [False, True])
@pytest.mark.parametrize("reply", [b"421 4.7.0 not now\r\n", b"550 5.7.1 blocked\r\n"])
def test_a_refusal_at_mail_is_the_answer_also_when_the_host_hangs_up_at_once(reply: bytes, hangs_up: bool) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.block()
        talk.say(reply if hangs_up else reply + b"503 no\r\n503 no\r\n")
        if not hangs_up:
            await talk.rest()

    answer, usable, _ = one(script)
    assert (code(answer), answer.heard) == (int(reply[:3]), True)
    assert usable is (reply[:1] == b"5" and not hangs_up)


def test_421_after_the_message_is_its_answer_and_ends_the_connection() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.message()
        talk.say(b"421 4.3.2 going down\r\n")
        await talk.rest()

    answer, usable, _ = one(script)
    assert (code(answer), usable) == (421, False)


@pytest.mark.parametrize("ending", [b"554 nobody to send it to\r\n", b""])
def test_a_refused_recipient_whose_data_is_accepted_gets_an_empty_ending(ending: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        for reply in (b"250 ok\r\n", b"550 5.1.1 no such user\r\n", b"354 go on\r\n"):
            await talk.line()
            talk.say(reply)
        assert await talk.block() == b".\r\n"
        if ending:
            talk.say(ending)
            await talk.rest()

    answer, usable, heard = one(script)
    assert (code(answer), usable) == (550, bool(ending))
    assert LETTER not in heard


def test_what_is_said_before_hanging_up_in_the_middle_of_a_message_is_its_answer() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.say(b"552 5.3.4 message too big for me\r\n")
        await talk.writer.drain()

    content = b"Subject: big\r\n\r\n" + b"x" * 70 * 1000 * 40 + b"\r\n"
    answer, usable, _ = one(script, content=content)
    assert (code(answer), usable) == (552, False)


def test_a_host_that_hangs_up_in_the_middle_of_a_message_leaves_the_row_undecided() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.reader.readexactly(20)
        talk.break_off()

    answer, usable, _ = one(script, content=LETTER + b"x" * 8_000_000 + b"\r\n")
    assert (answer.reply, answer.heard, usable) == (None, True, False)
    assert "connection" in answer.words


# Where it lies


@pytest.mark.parametrize("reply", [b"250 ok\r\n", b"220 hm\r\n"])
def test_a_message_is_not_delivered_by_a_friendly_word_for_data(reply: bytes) -> None:
    """Nothing but 354 invites the message, and without the message nothing is delivered."""

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.block()
        talk.say(b"250 ok\r\n250 ok\r\n" + reply)
        await talk.rest()

    answer, usable, heard = one(script)
    assert (answer.reply, usable) == (None, False)
    assert LETTER not in heard


def test_a_250_that_comes_before_the_message_does_not_deliver_it() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.block()
        talk.say(b"250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n")
        await talk.rest()

    answer, usable, _ = one(script)
    assert (answer.reply, usable) == (None, False)


def test_354_is_no_answer_to_a_message() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.message()
        talk.say(b"354 more\r\n")
        await talk.rest()

    answer, usable, _ = one(script)
    assert (answer.reply, usable) == (None, False)


@pytest.mark.parametrize(
    "word", [b"hello there\r\n", b"999 what\r\n", b"250-ok\r\n550 no\r\n", b"25\r\n", b"250ok\r\n"]
)
def test_what_is_no_smtp_decides_nothing(word: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.block()
        talk.say(word)
        await talk.rest()

    answer, usable, _ = one(script)
    assert (answer.reply, usable) == (None, False)


# Where it is silent


@pytest.mark.parametrize("silent_from", ["greeting", "hello", "mail", "message"])
def test_silence_ends_the_attempt_after_its_time(silent_from: str) -> None:
    async def script(talk: Talk) -> None:
        if silent_from != "greeting":
            talk.say(b"220 here\r\n")
        if silent_from in ("mail", "message"):
            await talk.line()
            talk.say(HELLO)
        if silent_from == "message":
            await talk.envelope()
        await talk.rest()

    began = time.monotonic()
    if silent_from in ("greeting", "hello"):
        assert "no answer for 0.4 s" in str(refused_session(script, QUICK))
    else:
        answer, usable, _ = one(script, QUICK)
        assert (answer.reply, usable) == (None, False)
        assert "no answer for 0.4 s" in answer.words
    assert time.monotonic() - began < 3


def test_a_host_that_stops_reading_is_given_up() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await asyncio.sleep(1.5)

    answer, usable, _ = one(script, QUICK, LETTER + b"x" * 30_000_000 + b"\r\n")
    assert (answer.reply, usable) == (None, False)
    assert "stopped reading" in answer.words


@pytest.mark.alone
def test_a_host_that_reads_slowly_gets_all_of_a_long_message() -> None:
    """Each block has its own time, or a long message to a slow host could never end."""
    content = b"Subject: long\r\n\r\n" + b"x" * 20_000_000 + b"\r\n"
    lengths = []

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        size = 0
        while size < len(content) + 3:
            size += len(await talk.reader.read(800_000))
            await asyncio.sleep(0.03)
        lengths.append(size)
        talk.say(b"250 taken\r\n")
        await talk.rest()

    answer, _, _ = one(script, QUICK, content)
    assert (code(answer), lengths) == (250, [len(content) + 3])


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_the_kernel_has_the_whole_message_before_its_end_is_allowed(tls: bool) -> None:
    """Else a process that was stopped would send the dot when it wakes, long after its claims went to another."""
    waiting: list[int] = []
    context = server_context(trustme.CA(), "mx.remote.test")
    content = LETTER + b"x" * 3_000_000 + b"\r\n"

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n" if tls else HELLO)
        if tls:
            await talk.line()
            talk.say(b"220 go on\r\n")
            await talk.encrypt(context)
            await talk.line()
            talk.say(HELLO)
        await talk.envelope()
        size = 0
        while size < len(content) + 3:
            size += len(await talk.reader.read(300_000))
            await asyncio.sleep(0.01)
        talk.say(b"250 taken\r\n")
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port, tls=tls)

            def may_end() -> bool:
                layers = {connection._talk.transport, connection._talk.wire._transport}
                waiting.append(sum(layer.get_write_buffer_size() for layer in layers))
                return True

            answer = await connection.transact("b@ours.test", "ann@remote.test", content, may_end)
            assert (code(answer), waiting) == (250, [0])
            connection.abort()

    run(test)


# Where it floods


@pytest.mark.parametrize("flood", [b"250-" + b"x" * 100_000, b"250-" + b"x" * 70 + b"\r\n", b"250 ok\r\n"])
def test_a_host_that_floods_is_hung_up_on(flood: bytes) -> None:
    """A line without end, a reply of lines without end, replies without end."""
    sent = []

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.line()
        for _ in range(100_000_000 // len(flood)):
            talk.say(flood)
            sent.append(len(flood))
            await talk.writer.drain()

    answer, usable, _ = one(script)
    assert (answer.reply, usable) == (None, False)
    assert sum(sent) < 20_000_000


def test_a_host_that_floods_an_idle_connection_is_hung_up_on() -> None:
    ended = []

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        try:
            for _ in range(5_000_000):
                talk.say(b"250 and another\r\n")
                await talk.writer.drain()
        except ConnectionError:
            ended.append("hung up")

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            assert code(await send(connection)) == 250
            await host.ended()
            assert not connection.usable

    run(test)
    assert ended == ["hung up"]


# TLS


def test_starttls_offered_and_not_meant_goes_on_in_clear() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        assert await talk.line() == b"STARTTLS\r\n"
        talk.say(b"454 4.7.0 not available\r\n")
        await talk.take()
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port, tls=True)
            assert connection.tls is None
            assert code(await send(connection)) == 250
            connection.abort()

    run(test)


def test_under_tls_the_host_is_asked_again_what_it_can() -> None:
    authority = trustme.CA()

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250-STARTTLS\r\n250 PIPELINING\r\n")
        await talk.line()
        talk.say(b"220 go ahead\r\n")
        await talk.encrypt(server_context(authority, "mx.remote.test"))
        assert (await talk.line()).startswith(b"EHLO ")
        talk.say(b"250 here\r\n")  # no PIPELINING now
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            assert (await talk.block()).count(b"\r\n") == 1
            talk.say(reply)
        await talk.message()
        talk.say(b"250 taken\r\n")
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port, tls=True)
            assert (connection.tls or "").startswith(("TLSv1.2", "TLSv1.3"))
            assert code(await send(connection)) == 250
            connection.abort()

    run(test)


def test_a_long_message_arrives_whole_under_tls_at_a_slow_reader_too() -> None:
    authority = trustme.CA()
    content = b"Subject: long\r\n\r\n" + b"0123456789abcd\r\n" * 400_000 + b"\r\n"
    whole = []

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        await talk.line()
        talk.say(b"220 go ahead\r\n")
        await talk.encrypt(server_context(authority, "mx.remote.test"))
        await talk.line()
        talk.say(b"250 here\r\n")
        await talk.envelope()
        taken = b""
        while not taken.endswith(b"\r\n.\r\n") and (octets := await talk.reader.read(200_000)):
            taken += octets
            await asyncio.sleep(0.01)
        whole.append(taken)
        talk.say(b"250 taken\r\n")
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port, tls=True)
            assert code(await send(connection, content)) == 250
            connection.abort()

    run(test)
    assert whole == [content + b".\r\n"]


@pytest.mark.parametrize("injected", [b"250-here\r\n250 PIPELINING\r\n", b"250-half a rep", b"5"])
def test_security_04_what_a_host_says_in_clear_behind_starttls_is_never_read_as_its_encrypted_word(
    injected: bytes,
) -> None:
    hellos = []

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        await talk.line()
        talk.say(b"220 go ahead\r\n" + injected)
        hellos.append(await talk.rest())

    refused = refused_session(script, tls=True)
    assert refused.tls
    assert hellos[0].count(b"EHLO") == 1
    assert hellos[0].endswith(b"STARTTLS\r\n")  # not even a ClientHello


@pytest.mark.parametrize("breaks", ["garbage", "closes", "silent"])
def test_a_handshake_that_fails_is_told_apart_so_that_clear_can_be_tried(breaks: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        await talk.line()
        talk.say(b"220 go ahead\r\n")
        await talk.block()
        if breaks == "garbage":
            talk.say(b"\x15\x03\x01\x00\x02\x02\x28" * 3)
        if breaks != "closes":
            await talk.rest()

    assert refused_session(script, QUICK, tls=True).tls


# The final dot


def test_no_final_dot_is_ever_written_once_the_claim_is_not_sure() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            content = LETTER + b"x" * 300_000 + b"\r\n"
            answer = await connection.transact("b@ours.test", "ann@remote.test", content, lambda: False)
            await host.ended()
            assert (answer.reply, connection.usable) == (None, False)
            assert b"\r\n.\r\n" not in host.talks[0].heard

    run(test)


def test_a_claim_lost_while_a_slow_host_reads_withholds_the_dot() -> None:
    """What is asked before a long message says nothing about the minutes that it takes."""
    sure = [True]

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await asyncio.sleep(0.3)
        sure[0] = False
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            content = LETTER + b"x" * 30_000_000 + b"\r\n"
            answer = await connection.transact("b@ours.test", "ann@remote.test", content, lambda: sure[0])
            await host.ended()
            assert answer.reply is None
            assert not bytes(host.talks[0].heard[-5:]).endswith(b"\r\n.\r\n")

    run(test)


# A kept connection


@pytest.mark.parametrize("goodbye", [b"", b"421 4.4.2 idle for too long\r\n"])
def test_a_host_that_ended_a_kept_connection_is_noticed_before_the_next_message(goodbye: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        talk.say(goodbye)

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            assert code(await send(connection)) == 250
            await asyncio.sleep(0.05)
            assert not connection.usable

    run(test)


@pytest.mark.parametrize("goodbye", [b"", b"421 4.7.0 enough for one session\r\n"])
def test_an_end_that_crosses_the_next_message_says_nothing_about_it(goodbye: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        await talk.block()
        talk.say(goodbye)

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            assert code(await send(connection)) == 250
            answer = await send(connection)
            assert (answer.reply, answer.heard, connection.usable) == (None, False, False)

    run(test)


def test_a_reset_that_is_refused_fails_no_message() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        for reply in (b"250 ok\r\n", b"550 5.1.1 no such user\r\n", b"503 nobody\r\n"):
            await talk.line()
            talk.say(reply)
        await talk.block()
        talk.say(b"502 what is RSET\r\n503 no\r\n503 no\r\n503 no\r\n")
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            assert code(await send(connection)) == 550
            answer = await send(connection)
            assert (answer.reply, answer.heard, connection.usable) == (None, False, False)

    run(test)


def test_an_address_that_the_host_cannot_read_is_refused_by_ourselves_and_the_connection_stays() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host:
            connection = await connect(host.port)
            answer = await send(connection, to="józef@remote.test")
            assert answer.reply is not None and (answer.reply.code, answer.reply.enhanced) == (550, "5.6.7")
            assert code(await send(connection)) == 250
            connection.abort()

    run(test)
