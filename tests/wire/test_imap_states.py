"""Every command in every state: allowed where RFC 3501 §3 allows it, BAD elsewhere, and never a closed connection.

SECURITY row 16. The table is written out, so that a command added without a thought of its states fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imap.commands.table import COMMANDS
from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import SECRET, ImapRole, Talk

BEFORE, SIGNED_IN, SELECTED = "before sign-in", "signed in", "selected"
ALWAYS = (BEFORE, SIGNED_IN, SELECTED)
INSIDE = (SIGNED_IN, SELECTED)

# command -> (a harmless use of it, states in which it answers OK or NO but not BAD)
TABLE: dict[bytes, tuple[bytes, tuple[str, ...]]] = {
    b"CAPABILITY": (b"CAPABILITY", ALWAYS),
    b"NOOP": (b"NOOP", ALWAYS),
    b"LOGOUT": (b"LOGOUT", ALWAYS),
    b"ID": (b'ID ("name" "test")', ALWAYS),
    b"STARTTLS": (b"STARTTLS", (BEFORE,)),
    b"LOGIN": (b"LOGIN ann@ours.test wrong", (BEFORE,)),
    b"AUTHENTICATE": (b"AUTHENTICATE PLAIN AGEAYg==", (BEFORE,)),
    b"ENABLE": (b"ENABLE CONDSTORE", INSIDE),
    b"COMPRESS": (b"COMPRESS DEFLATE", INSIDE),
    b"SELECT": (b"SELECT INBOX", INSIDE),
    b"EXAMINE": (b"EXAMINE INBOX", INSIDE),
    b"CREATE": (b"CREATE INBOX", INSIDE),
    b"DELETE": (b"DELETE INBOX", INSIDE),
    b"RENAME": (b"RENAME none other", INSIDE),
    b"SUBSCRIBE": (b"SUBSCRIBE none", INSIDE),
    b"UNSUBSCRIBE": (b"UNSUBSCRIBE none", INSIDE),
    b"LIST": (b'LIST "" *', INSIDE),
    b"LSUB": (b'LSUB "" *', INSIDE),
    b"NAMESPACE": (b"NAMESPACE", INSIDE),
    b"NOTIFY": (b"NOTIFY NONE", INSIDE),
    b"STATUS": (b"STATUS INBOX (MESSAGES)", INSIDE),
    b"APPEND": (b"APPEND none {1+}\r\nx", INSIDE),
    b"IDLE": (b"IDLE\r\nDONE", INSIDE),
    b"GETQUOTA": (b'GETQUOTA ""', INSIDE),
    b"GETQUOTAROOT": (b"GETQUOTAROOT INBOX", INSIDE),
    b"SETQUOTA": (b'SETQUOTA "" (STORAGE 5)', INSIDE),
    b"CHECK": (b"CHECK", (SELECTED,)),
    b"CLOSE": (b"CLOSE", (SELECTED,)),
    b"UNSELECT": (b"UNSELECT", (SELECTED,)),
    b"REPLACE": (b"REPLACE 1 none {1+}\r\nx", (SELECTED,)),
    b"UID REPLACE": (b"UID REPLACE 1 none {1+}\r\nx", (SELECTED,)),
    b"EXPUNGE": (b"EXPUNGE", (SELECTED,)),
    b"UID EXPUNGE": (b"UID EXPUNGE 1:*", (SELECTED,)),
    b"SEARCH": (b"SEARCH ALL", (SELECTED,)),
    b"UID SEARCH": (b"UID SEARCH ALL", (SELECTED,)),
    b"SORT": (b"SORT (DATE) UTF-8 ALL", (SELECTED,)),
    b"UID SORT": (b"UID SORT (DATE) UTF-8 ALL", (SELECTED,)),
    b"THREAD": (b"THREAD REFERENCES UTF-8 ALL", (SELECTED,)),
    b"UID THREAD": (b"UID THREAD REFERENCES UTF-8 ALL", (SELECTED,)),
    b"FETCH": (b"FETCH 1:* FLAGS", (SELECTED,)),
    b"UID FETCH": (b"UID FETCH 1:* FLAGS", (SELECTED,)),
    b"STORE": (b"STORE 1:* FLAGS ()", (SELECTED,)),
    b"UID STORE": (b"UID STORE 1:* FLAGS ()", (SELECTED,)),
    b"COPY": (b"COPY 1:* none", (SELECTED,)),
    b"UID COPY": (b"UID COPY 1:* none", (SELECTED,)),
    b"MOVE": (b"MOVE 1:* none", (SELECTED,)),
    b"UID MOVE": (b"UID MOVE 1:* none", (SELECTED,)),
}


@pytest.fixture(scope="module")
def role(migrated_once: Path | str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_once, tmp_path_factory.mktemp("states")) as running:
        running.signed_in().say(b"a APPEND INBOX {6+}\r\nA: b\r\n")
        yield running


def test_the_table_names_every_command() -> None:
    assert TABLE.keys() == COMMANDS.keys()


@pytest.mark.parametrize("state", ALWAYS)
def test_security_16_every_command_in_every_state(role: ImapRole, state: str) -> None:
    wrong = []
    for name, (use, states) in TABLE.items():
        talk = _in_state(role, state)
        # A CRLF inside is a line of its own; where IDLE is refused, its DONE is an unknown command.
        talk.send(b"x " + use + b"\r\n")
        answer = talk.until(b"x")[-1]
        if answer.startswith(b"x BAD") is (state in states) or not answer.startswith(b"x "):
            wrong.append((name, answer))
        if name not in (b"LOGOUT", b"STARTTLS"):
            talk.send(b"y NOOP\r\n")
            assert talk.until(b"y")[-1] == b"y OK NOOP completed", name
        talk.close()
    assert wrong == []


def _in_state(role: ImapRole, state: str) -> Talk:
    if state == BEFORE:
        return role.talk()
    talk = role.signed_in(password=SECRET)
    if state == SELECTED:
        assert talk.say(b"s SELECT INBOX")[-1].startswith(b"s OK")
    return talk


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"x ",
        b"* NOOP",
        b"+ NOOP",
        b"x NOSUCH",
        b"x NOOP extra",
        b"x  NOOP",
        b"x UID",
        b"x UID NOOP",
        b"x LOGIN",
        b'x LOGIN "a',
        b"x FETCH",
        b"\x00\xff\xfe",
        b"x " + b"(" * 5000,
        b"x SEARCH " + b"NOT " * 1500 + b"ALL",
        b"x SEARCH " + b"(" * 1500 + b"ALL",
        b"x FETCH 1 BODY[" + b"1." * 1500 + b"1]",
        b"x FETCH 0 FLAGS",
        b"x FETCH 1:99999999999 FLAGS",
        b"x STORE 1:* FLAGS (\\Nonsense)",
        b'x STATUS "INBOX" (NOSUCH)',
        b'x LIST "" ' + b"*%" * 400,
        b'x CREATE "&broken"',
        b"x APPEND INBOX (\\Seen) {-5}",
        b"x APPEND INBOX NIL {3+}\r\nabc",
    ],
)
@pytest.mark.parametrize("state", [BEFORE, SELECTED])
def test_nonsense_is_answered_and_the_session_goes_on(role: ImapRole, line: bytes, state: str) -> None:
    talk = _in_state(role, state)
    talk.send(line + b"\r\nz NOOP\r\n")
    answers = talk.until(b"z")
    assert answers[-1] == b"z OK NOOP completed"
    assert len(answers) > 1
    talk.close()
    assert "raised" not in role.log()
