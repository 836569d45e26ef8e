"""The demo's figures follow the books, not the appliance's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.books import Entry, Refused, SentBack, Taken
from lab.description import Fate, Person, Style, Temper, World, tempered, with_temper
from lab.people import HOSTS, invented
from lab.reckoning import Account, Row, Sent, disagreements, expected_ratings, reckoned
from lab.tempers import Cause, Comeback
from lab.world import with_falsehoods

SUBJECT = "=?utf-8?q?N=C2=BA_42_=E2=80=94_Ada?="


def _taken(person: str, at: float = 2.0, copy: int = 1, source: str = "127.0.0.11") -> Taken:
    who = ("mx.x.test", source, "out1", "TLSv1.3", 1, 1, person, f"b+{person}", f"<m.{person}>", SUBJECT)
    return Taken(at, *who, 100, copy)


def _refused(person: str, cause: Cause, code: int = 550, at: float = 1.0) -> Refused:
    return Refused(at, "mx.x.test", "127.0.0.11", "out1", person, f"b+{person}", code, "no", cause.value)


def _back(person: str, kind: Comeback, cause: str = "", code: int = 250, at: float = 3.0) -> SentBack:
    who = ("mx.x.test", kind.value, cause, person, "b@y", f"<back.{person}>", f"<m.{person}>")
    return SentBack(at, *who, code, "")


def _account(states: dict[str, str], ratings: dict[str, int] | None = None, replies: tuple[str, ...] = ()) -> Account:
    rows = tuple(
        Row(address, state, "userunknown" if state == "bounced" else "", "") for address, state in states.items()
    )
    return Account((Sent(42, rows, 0, 1.0),), ratings or {}, frozenset(), frozenset(replies))


WORLD = World(1, HOSTS, tuple(Person(name, name, (fate,)) for name, fate in (("a", Fate.READS), ("u", Fate.UNKNOWN))))


def test_delivered_rows_that_no_host_holds_and_rows_without_an_end_are_lost() -> None:
    account = _account({"a": "delivered", "b": "delivered", "c": "inflight", "d": "failed", "e": "bounced"})
    assert reckoned(WORLD, account, [_taken("a")], 9.0).lost == 3


def test_a_mail_of_another_issue_is_no_proof_of_delivery() -> None:
    other = Taken(2.0, "mx.x.test", "127.0.0.11", "o", "", 1, 1, "a", "b+a", "<1>", "Nº 41 — Ada", 9, 1)
    assert reckoned(WORLD, _account({"a": "delivered"}), [other], 9.0).lost == 1


def test_sums_sources_and_copies_come_from_the_books() -> None:
    account = _account({"a": "delivered", "b": "bounced", "c": "failed", "d": "suppressed", "e": "expired"})
    books: list[Entry] = [_taken("a"), _taken("b", source="127.0.0.12"), _taken("a", 4.0, copy=2)]
    figures = reckoned(WORLD, account, books, 9.0)
    assert (figures.clients, figures.delivered, figures.failed, figures.expired, figures.suppressed) == (5, 2, 1, 1, 1)
    assert (figures.bounced, figures.duplicates) == ({"userunknown": 1}, 1)
    assert figures.sources == {"127.0.0.11": 1, "127.0.0.12": 1}


def test_wrongly_blocked_is_who_exists_and_did_not_complain() -> None:
    account = _account({}, {"a": 1, "u": 1})
    assert reckoned(WORLD, account, [], 9.0).ratings.wrongly_blocked == 1
    complaint = _back("a", Comeback.COMPLAINT)
    assert reckoned(WORLD, account, [complaint], 9.0).ratings.wrongly_blocked == 0


@pytest.mark.parametrize(
    ("books", "rating"),
    [
        ([_refused("a", Cause.UNKNOWN)], 1),
        ([_refused("a", Cause.FULL, 552)], 6),
        ([_refused("a", Cause.FULL_NOW, 452), _refused("a", Cause.FULL_NOW, 452, 1.5)], 6),
        ([_refused("a", Cause.FULL_NOW, 452), _taken("a")], None),
        ([_refused("a", Cause.GREYLISTED, 451)], None),
        ([_refused("a", Cause.BLOCKED)], None),
        ([_taken("a"), _back("a", Comeback.DSN, "full")], 6),
        ([_taken("a"), _back("a", Comeback.DSN, "unknown")], 1),
        ([_taken("a"), _back("a", Comeback.DSN, "unknown", code=550)], None),
        ([_taken("a"), _back("a", Comeback.DELAY, "delayed")], None),
        ([_taken("a"), _back("a", Comeback.AWAY)], None),
        ([_taken("a"), _back("a", Comeback.REPLY)], 10),
        ([_refused("a", Cause.UNKNOWN), _back("a", Comeback.LETTER)], 10),
        ([_taken("a"), _back("a", Comeback.COMPLAINT)], 1),
    ],
)
def test_the_books_say_what_each_rating_should_be(books: list[Entry], rating: int | None) -> None:
    assert expected_ratings(books) == ({} if rating is None else {"a": rating})


def test_an_account_that_fits_the_books_has_no_disagreement() -> None:
    books: list[Entry] = [_taken("a"), _back("a", Comeback.REPLY), _taken("b"), _back("b", Comeback.DSN, "unknown")]
    account = _account({"a": "delivered", "b": "bounced"}, {"a": 10, "b": 1}, ("<back.a>",))
    assert disagreements(account, books) == []


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (_account({"a": "failed", "b": "bounced"}, {"a": 10, "b": 1}, ("<back.a>",)), "holds it"),
        (_account({"a": "delivered", "b": "delivered"}, {"a": 10, "b": 1}, ("<back.a>",)), "took it back"),
        (_account({"a": "bounced", "b": "bounced"}, {"a": 10, "b": 1}, ("<back.a>",)), "no DSN was sent"),
        (_account({"a": "delivered", "b": "bounced", "c": "queued"}, {"a": 10, "b": 1}, ("<back.a>",)), "no final"),
        (_account({"a": "delivered", "b": "bounced"}, {"a": 10, "b": 1}), "not in the mailbox"),
        (_account({"a": "delivered", "b": "bounced"}, {"a": 10, "b": 1}, ("<back.a>", "<x>")), "nobody wrote"),
        (_account({"a": "delivered", "b": "bounced"}, {"a": 7, "b": 1}, ("<back.a>",)), "is rated 7"),
    ],
)
def test_each_way_to_disagree_is_told(account: Account, told: str) -> None:
    books: list[Entry] = [_taken("a"), _back("a", Comeback.REPLY), _taken("b"), _back("b", Comeback.DSN, "unknown")]
    (line,) = disagreements(account, books)
    assert told in line


def test_a_world_is_made_by_its_seed_alone() -> None:
    assert invented(400, 3, 60) == invented(400, 3, 60) != invented(400, 4, 60)
    world = invented(400, 3, 60)
    assert len({person.address for person in world.people}) == 400
    assert {fate for person in world.people for fate in person.fates} >= set(Fate) - {Fate.REFUSED, Fate.LOST}


def test_falsehoods_and_tempers_change_what_they_name_and_nothing_else() -> None:
    world = invented(400, 3, 60)
    false = with_falsehoods(world, lose=2, refuse=1, among=60)
    changed = [person.fates for person, was in zip(false.people, world.people, strict=True) if person != was]
    assert changed == [(Fate.LOST,), (Fate.LOST,), (Fate.REFUSED,)]
    other = with_temper(world, "telepost.test", "greylist=3,starttls=yes")
    assert other.hosts[:3] == world.hosts[:3]
    assert other.hosts[3].temper == replace(world.hosts[3].temper, greylist=3, starttls=True)
    assert tempered(Temper(), "style=exim").style is Style.EXIM
