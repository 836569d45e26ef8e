"""A client that believes every EXPUNGE, EXISTS and FETCH has the same picture as the server, whatever happens when."""

from __future__ import annotations

import re
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap.answer import MalformedError
from imap.snapshots import Snapshot
from imap.view import View
from store.flagging import Flagged, Flagging
from store.folders import Folder

FOLDER = Folder(1, 1, "INBOX", None, 1, 1, 1, 1, 1)


def snapshot(modseq: int, uids: list[int]) -> Snapshot:
    return Snapshot(1, modseq, array("I", uids), modseq, ())


def told(view: View, now: Snapshot, changed: list[Flagged] | None = None, expunges: bool = True) -> list[bytes]:
    return list(view.catch_up(now, changed or [], expunges))


def test_expunges_come_from_the_end_and_before_new_mail() -> None:
    view = View(FOLDER, snapshot(1, [10, 20, 30, 40]), read_only=False)
    assert told(view, snapshot(2, [20, 40, 50])) == [b"* 3 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n", b"* 3 EXISTS\r\n"]
    assert told(view, snapshot(2, [20, 40, 50])) == []


def test_without_expunge_numbers_stay_and_new_mail_is_told() -> None:
    view = View(FOLDER, snapshot(1, [10, 20, 30]), read_only=False)
    assert told(view, snapshot(2, [10, 30, 40]), expunges=False) == [b"* 4 EXISTS\r\n"]
    assert view.number_of(30) == 3
    assert told(view, snapshot(2, [10, 30, 40])) == [b"* 2 EXPUNGE\r\n"]


def test_sessions_that_are_up_to_date_share_one_array() -> None:
    now = snapshot(2, [1, 2, 3])
    one, other = View(FOLDER, now, False), View(FOLDER, snapshot(1, [1, 2]), False)
    told(other, now)
    assert one.uids is other.uids


def test_flags_are_told_once_and_ones_own_not() -> None:
    view = View(FOLDER, snapshot(1, [10, 20]), read_only=False)
    view.told(Flagging((Flagged(10, 2, "\\Seen"),), (), (1,)))
    changed = [Flagged(10, 2, "\\Seen"), Flagged(20, 2, "\\Draft \\Seen")]
    assert told(view, snapshot(2, [10, 20]), changed) == [b"* 2 FETCH (UID 20 FLAGS (\\Draft \\Seen))\r\n"]
    assert told(view, snapshot(3, [10, 20]), [Flagged(10, 3, "")]) == [b"* 1 FETCH (UID 10 FLAGS ())\r\n"]


def test_a_keyword_is_told_before_the_first_mail_that_has_it() -> None:
    view = View(FOLDER, snapshot(1, [10, 20]), read_only=False)
    flags, fetch = told(view, snapshot(2, [10, 20]), [Flagged(10, 2, "\\Seen Key")])
    assert flags == (
        b"* FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen Key)\r\n"
        b"* OK [PERMANENTFLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen Key \\*)] flags that stay\r\n"
    )
    assert fetch == b"* 1 FETCH (UID 10 FLAGS (\\Seen Key))\r\n"
    assert view.introduced(["Key", "KEY \\Draft"]) == b""  # however it is spelled
    assert view.spelled(["kEY", "\\Seen", "new"]) == ["Key", "\\Seen", "new"]


def test_sets_name_what_they_should() -> None:
    view = View(FOLDER, snapshot(1, [10, 20, 30]), read_only=False)
    assert view.chosen(((1, 2),), are_uids=False) == [10, 20]
    assert view.chosen(((0, 2), (1, 1), (2, 2)), are_uids=False) == [10, 20, 30]
    assert view.chosen(((15, 0),), are_uids=True) == [20, 30]
    assert view.chosen(((50, 0),), are_uids=True) == [30]  # n:* always holds the last
    assert view.chosen(((11, 19),), are_uids=True) == []
    with pytest.raises(MalformedError):
        view.chosen(((4, 4),), are_uids=False)
    empty = View(FOLDER, snapshot(1, []), read_only=False)
    assert empty.chosen(((1, 0),), are_uids=False) == []
    assert empty.chosen(((1, 0),), are_uids=True) == []


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.sampled_from(["append", "expunge", "tell", "tell quietly"]), st.integers(0, 9)), max_size=30)
)
def test_a_believing_client_has_the_servers_picture(steps: list[tuple[str, int]]) -> None:
    server, next_uid = [1, 2, 3], 4
    view, client = View(FOLDER, snapshot(1, server), False), [1, 2, 3]
    for modseq, (what, number) in enumerate(steps, 2):
        if what == "append":
            server = [*server, next_uid]
            next_uid += 1
        elif what == "expunge" and server:
            server = [uid for uid in server if uid != server[number % len(server)]]
        else:
            for line in told(view, snapshot(modseq, server), expunges=what == "tell"):
                client = _believe(client, line, list(view.uids))
            assert client == list(view.uids)
    told_last = told(view, snapshot(99, server))
    for line in told_last:
        client = _believe(client, line, server)
    assert client == server


def _believe(client: list[int], line: bytes, uids: list[int]) -> list[int]:
    number, word = re.fullmatch(rb"\* (\d+) (EXPUNGE|EXISTS)\r\n", line).groups()  # type: ignore[union-attr]
    if word == b"EXPUNGE":
        return client[: int(number) - 1] + client[int(number) :]
    # A client asks for the UIDs of the new numbers next.
    return client + uids[len(client) : int(number)]
