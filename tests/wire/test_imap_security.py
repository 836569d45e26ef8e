"""The IMAP rows of the security checklist, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ANN, BOB, BOBS_OWN, SECRET, ImapRole, Talk

LIMITS = {"connections_per_peer": 1200, "message_bytes": 8 * 1024 * 1024}


@pytest.fixture(scope="module")
def role(migrated_once: Path | str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_once, tmp_path_factory.mktemp("security"), limits=LIMITS) as running:
        yield running


def resident(role: ImapRole) -> int:
    assert role.process is not None
    status = Path(f"/proc/{role.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def test_security_03_what_is_pipelined_behind_starttls_is_never_answered(role: ImapRole) -> None:
    talk = role.talk()
    talk.send(b"a STARTTLS\r\nb NOOP\r\nc LOGIN ann@ours.test " + SECRET.encode() + b"\r\n")
    assert talk.line().startswith(b"a OK")
    talk.encrypt(role.trust())
    talk.send(b"d NOOP\r\n")
    assert talk.until(b"d") == [b"d OK NOOP completed"]
    assert talk.say(b"e SELECT INBOX")[-1].startswith(b"e BAD")  # c did not sign in


def test_security_06_nobody_signs_in_before_tls(role: ImapRole) -> None:
    talk = role.talk()
    (names, _) = talk.say(b"a CAPABILITY")
    assert b"LOGINDISABLED" in names
    assert b"STARTTLS" in names
    assert b"AUTH=" not in names
    assert talk.say(b"b LOGIN ann@ours.test " + SECRET.encode())[-1].startswith(b"b NO [PRIVACYREQUIRED]")
    assert talk.say(b"c AUTHENTICATE PLAIN")[-1].startswith(b"c NO [PRIVACYREQUIRED]")
    talk.say(b"t STARTTLS")
    talk.encrypt(role.trust())
    (names, _) = talk.say(b"d CAPABILITY")
    assert b"AUTH=PLAIN" in names
    assert b"STARTTLS" not in names
    assert talk.say(b"e STARTTLS")[-1].startswith(b"e BAD")


def test_plaintext_login_lets_loopback_drivers_in(migrated_folder: Path, tmp_path: Path) -> None:
    with serving_ann_and_bob(migrated_folder, tmp_path, imap={"plaintext_login": True}) as role:
        talk = role.talk()
        assert talk.say(b"a LOGIN ann@ours.test " + SECRET.encode())[-1].startswith(b"a OK [CAPABILITY ")


def test_every_way_of_signing_in(role: ImapRole) -> None:
    def encrypted() -> Talk:
        talk = role.talk()
        talk.say(b"t STARTTLS")
        talk.encrypt(role.trust())
        return talk

    plain = b64encode(f"\0{ANN}\0{SECRET}".encode())
    assert encrypted().say(b"a AUTHENTICATE PLAIN " + plain)[-1].startswith(b"a OK")
    talk = encrypted()
    talk.send(b"b AUTHENTICATE PLAIN\r\n")
    assert talk.line() == b"+ \r\n"
    talk.send(plain + b"\r\n")
    assert talk.until(b"b")[-1].startswith(b"b OK")
    talk = encrypted()
    talk.send(b"c AUTHENTICATE LOGIN\r\n")
    talk.line()
    talk.send(b64encode(ANN.encode()) + b"\r\n")
    talk.line()
    talk.send(b64encode(SECRET.encode()) + b"\r\n")
    assert talk.until(b"c")[-1].startswith(b"c OK")
    talk = encrypted()
    talk.send(b"d AUTHENTICATE PLAIN\r\n")
    talk.line()
    talk.send(b"*\r\n")
    assert talk.until(b"d")[-1] == b"d BAD cancelled"
    talk.send(b"e LOGIN {13}\r\n")
    assert talk.line().startswith(b"+ ")
    talk.send(b"Ann@Ours.TEST {32}\r\n")
    assert talk.line().startswith(b"+ ")
    talk.send(SECRET.encode() + b"\r\n")
    assert talk.until(b"e")[-1].startswith(b"e OK")


def test_security_11_literals_and_lines_have_limits_before_sign_in(role: ImapRole) -> None:
    talk = role.talk()
    assert talk.say(b"a LOGIN {4097}")[-1].startswith(b"a NO [TOOBIG]")
    assert talk.say(b"b NOOP")[-1] == b"b OK NOOP completed"
    talk.send(b"c LOGIN {5000+}\r\n" + b"x" * 5000 + b" y\r\nd NOOP\r\n")
    assert talk.until(b"d") == [
        b"c NO [TOOBIG] a literal of 5000 octets is over the limit of 4096", b"d OK NOOP completed",
    ]  # fmt: skip
    talk.send(b"e LOGIN {4000000000+}\r\n")
    assert talk.closed()
    talk = role.talk()
    talk.send(b"f " + b"x" * 9000)
    assert talk.closed()


def test_security_11_literals_have_limits_after_sign_in(role: ImapRole) -> None:
    talk = role.signed_in()
    assert talk.say(b"a APPEND INBOX {9000000}")[-1].startswith(b"a NO [TOOBIG]")
    assert talk.say(b"b SELECT {70000}")[-1].startswith(b"b NO [TOOBIG]")
    talk.send(b"c APPEND INBOX {9000000+}\r\n" + b"x" * 9_000_000 + b"\r\nd NOOP\r\n")
    assert talk.until(b"d")[0].startswith(b"c NO [TOOBIG]")


def test_security_11_large_literals_of_all_sessions_together_have_a_limit(role: ImapRole) -> None:
    size = LIMITS["message_bytes"]
    talks = [role.signed_in() for _ in range(8)]
    answers = []
    for talk in talks:
        talk.send(b"a APPEND INBOX {%d}\r\n" % size)
        answers.append(talk.line().split(b" ")[:3])
    assert answers == [[b"+", b"go", b"ahead\r\n"]] * 6 + [[b"a", b"NO", b"[LIMIT]"]] * 2
    for talk in talks[:6]:
        talk.close()
    time.sleep(0.3)
    talks[7].send(b"b APPEND INBOX {%d}\r\n" % size)
    assert talks[7].line() == b"+ go ahead\r\n"
    talks[7].close()


def test_security_11_half_open_connections_cost_little_and_others_are_served(role: ImapRole) -> None:
    before = resident(role)
    talks = []
    for number in range(500):
        connection = socket.create_connection(("127.0.0.1", role.ports["imap"]), timeout=10)
        connection.sendall(b"a LOGIN {4000+}\r\n" + b"(" * 3999 if number % 2 else b"a " + b"(" * 8000)
        talks.append(connection)
    talk = role.signed_in()
    assert talk.say(b"s SELECT INBOX")[-1].startswith(b"s OK")
    assert resident(role) - before < 40 * 1024 * 1024
    for connection in talks:
        connection.close()


def test_security_11_a_client_that_does_not_read_costs_a_bounded_buffer(role: ImapRole) -> None:
    talk = role.signed_in()
    talk.say(b"c CREATE big")
    mail = b"Subject: big\r\n\r\n" + b"x" * 200_000
    for _ in range(20):
        assert talk.say(b"a APPEND big {%d+}\r\n%b" % (len(mail), mail))[-1].startswith(b"a OK")
    talk.say(b"s SELECT big")
    for _ in range(9):
        assert talk.say(b"c COPY 1:20 big")[-1].startswith(b"c OK")
    assert b"* 200 EXISTS" in talk.say(b"e EXAMINE big")  # one FETCH of it answers 40 MB
    before = resident(role)
    talk.socket.settimeout(2)
    with contextlib.suppress(TimeoutError):
        for number in range(20_000):
            talk.send(b"f%d FETCH 1:* BODY.PEEK[]\r\n" % number)
    time.sleep(1)
    assert resident(role) - before < 20 * 1024 * 1024
    assert role.signed_in().say(b"n NOOP")[-1] == b"n OK NOOP completed"
    talk.close()


@pytest.mark.alone
def test_security_19_a_wrong_login_and_a_wrong_password_take_the_same_time(role: ImapRole) -> None:
    took: dict[str, list[float]] = {ANN: [], BOB: [], "nobody@ours.test": []}
    for attempt in range(2):
        for login, times in took.items():
            talk = role.talk("127.0.0.19")
            talk.say(b"t STARTTLS")
            talk.encrypt(role.trust())
            began = time.monotonic()
            answer = talk.say(f'a LOGIN "{login}" wrong{attempt}'.encode())[-1]
            times.append(time.monotonic() - began)
            assert answer == b"a NO [AUTHENTICATIONFAILED] wrong address or password"
            talk.close()
    fastest = [min(times) for times in took.values()]
    assert max(fastest) - min(fastest) < 0.1, fastest


def test_security_20_guesses_from_one_address_do_not_lock_the_owner_out(role: ImapRole) -> None:
    def guess(number: int) -> bytes:
        talk = role.talk("127.0.0.66")
        talk.say(b"t STARTTLS")
        talk.encrypt(role.trust())
        answer = talk.say(f"a LOGIN {BOB} guess{number}".encode())[-1]
        talk.close()
        return answer

    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda number=number: answers.append(guess(number))) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {b"a NO [AUTHENTICATIONFAILED] wrong address or password"}
    assert guess(11).startswith(b"a NO [LIMIT]")
    assert role.signed_in(BOB, BOBS_OWN).say(b"n NOOP")[-1] == b"n OK NOOP completed"


@pytest.mark.alone
def test_a_remembered_password_is_fast_and_a_flood_of_errors_ends(role: ImapRole) -> None:
    role.signed_in(BOB, BOBS_OWN)
    began = time.monotonic()
    role.signed_in(BOB, BOBS_OWN)
    assert time.monotonic() - began < 0.1
    talk = role.talk()
    talk.send(b"a NONSENSE\r\n" * 10)
    assert talk.closed()


def test_too_many_connections_of_one_address_are_refused(migrated_folder: Path, tmp_path: Path) -> None:
    with serving_ann_and_bob(migrated_folder, tmp_path, limits={"connections_per_peer": 2}) as role:
        kept = [role.talk(), role.talk()]
        assert role.talk().closed()
        assert Talk(role.ports["imap"], "127.0.0.2").line().startswith(b"* OK")
        kept.pop().close()
        time.sleep(0.3)
        assert role.talk().say(b"a NOOP")[-1] == b"a OK NOOP completed"


@pytest.mark.alone
def test_sigterm_says_bye_and_ends_quickly(migrated_folder: Path, tmp_path: Path) -> None:
    with serving_ann_and_bob(migrated_folder, tmp_path) as role:
        quiet, idler, deaf = role.signed_in(), role.signed_in(), role.talk()
        idler.send(b"i IDLE\r\n")
        idler.line()
        began = time.monotonic()
        assert role.stop() == 0
        assert time.monotonic() - began < 5
        assert quiet.line() == b"* BYE shutting down\r\n"
        assert idler.line() == b"* BYE shutting down\r\n"
        assert deaf.line() == b"* BYE shutting down\r\n"
        assert "raised" not in role.log()
