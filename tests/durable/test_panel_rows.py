"""Sessions, second factors, people, audit and moderation as rows, on either engine (PRODUCT P4, S2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admin.acts import audit, connections, domains, mailboxes, people, projects, senders
from admin.acts.pages import Window
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from peers.vaults import whole_vault
from store import audit as kept_audit
from store import people as kept_people
from store import sessions
from store.sessions import IDLE, LONGEST, UNCONFIRMED
from store.stores import Stores

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    return Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", ())


@pytest.fixture
def project(office: Office) -> int:
    return projects.create(office, "shop", campaigns_allowed=True).id


def test_a_session_lives_while_it_is_used_and_never_longer_than_a_week(office: Office, project: int) -> None:
    person = people.create(office, project, "ann@shop.test", "owner").id
    office.write(lambda tx: sessions.begin(tx, person, b"whole", True, "Firefox", NOW))
    office.write(lambda tx: sessions.begin(tx, person, b"half", False, "Firefox", NOW))

    def alive(token: bytes, at: datetime) -> bool:
        with office.read() as tx:
            return sessions.find(tx, token, at) is not None

    assert alive(b"half", NOW + UNCONFIRMED / 2)
    assert not alive(b"half", NOW + UNCONFIRMED)
    at = NOW
    while at < NOW + LONGEST + IDLE:
        with office.read() as tx:
            found = sessions.find(tx, b"whole", at)
        if found is None:
            break
        office.write(lambda tx, one=found, then=at: sessions.seen(tx, one, then))
        at += IDLE / 2
    assert at == NOW + LONGEST
    office.write(lambda tx: sessions.forget_ended(tx, at))
    with office.read() as tx:
        assert sessions.of_person(tx, person, NOW) == []


def test_ending_the_others_keeps_this_one_and_removing_the_person_ends_all(office: Office, project: int) -> None:
    person = people.create(office, project, "ann@shop.test", "owner").id
    for token in (b"1", b"2", b"3"):
        office.write(lambda tx, one=token: sessions.begin(tx, person, one, True, "", NOW))
    with office.read() as tx:
        newest = sessions.of_person(tx, person, NOW)[0]
    assert office.write(lambda tx: sessions.end_others(tx, person, newest.id)) == 2
    assert people.remove(office, project, person, by=0) == "ann@shop.test"
    with office.read() as tx:
        assert sessions.find(tx, b"3", NOW) is None
        assert kept_people.get(tx, person) is None


def test_each_code_of_the_second_factor_is_good_once(office: Office, project: int) -> None:
    person = people.create(office, project, "ann@shop.test", "owner").id
    office.write(lambda tx: kept_people.set_totp(tx, person, b"sealed", 100, {b"a", b"b"}))
    steps = [office.write(lambda tx, step=step: kept_people.use_step(tx, person, step)) for step in (100, 101, 101, 99)]
    assert steps == [False, True, False, False]
    codes = [
        office.write(lambda tx, one=one: kept_people.use_recovery_code(tx, person, one)) for one in (b"a", b"a", b"c")
    ]
    assert codes == [True, False, False]
    office.write(lambda tx: kept_people.set_totp(tx, person, None, 0, ()))
    assert not office.write(lambda tx: kept_people.use_recovery_code(tx, person, b"b"))


def test_people_belong_to_one_project_and_nobody_moves_or_removes_themselves(office: Office, project: int) -> None:
    other = projects.create(office, "other", campaigns_allowed=True).id
    ann = people.create(office, project, "ann@shop.test", "owner").id
    with pytest.raises(ConflictError):
        people.create(office, other, "ann@shop.test", "viewer")
    with pytest.raises(InvalidError):
        people.create(office, project, "bob@shop.test", "operator")
    for act in (
        lambda: people.set_role(office, other, ann, "viewer", by=0),
        lambda: people.new_password(office, other, ann),
        lambda: people.remove(office, other, ann, by=0),
    ):
        with pytest.raises(NotFoundError):
            act()
    for act in (
        lambda: people.set_role(office, project, ann, "viewer", by=ann),
        lambda: people.remove(office, project, ann, by=ann),
    ):
        with pytest.raises(ConflictError):
            act()
    assert [one.login for one in people.page(office, project, Window()).items] == ["ann@shop.test"]
    assert people.page(office, other, Window()).items == []


def test_the_audit_trail_is_read_by_project_newest_first_and_forgotten_in_time(office: Office, project: int) -> None:
    for number in range(3):
        audit.note(office, project, "ann", f"act.{number}", "x" * 500, "192.0.2.1")
    audit.note(office, None, "operator", "project.create", "shop", "192.0.2.1")
    first = audit.page(office, project, Window(limit=2))
    rest = audit.page(office, project, Window(int(first.next or 0), 2))
    assert [one.act for one in (*first.items, *rest.items)] == ["act.2", "act.1", "act.0"]
    assert len(audit.page(office, None, Window()).items) == 4
    office.write(lambda tx: kept_audit.forget(tx, office.now() + kept_audit.KEPT + timedelta(minutes=1)))
    assert audit.page(office, None, Window()).items == []


def test_a_connection_is_asked_with_answers_decided_and_given_a_password_only_then(
    office: Office, project: int
) -> None:
    domains.create(office, project, "shop.test")
    domains.set_states(office, project, "shop.test", {"owned": True, "sending": True})
    mailboxes.create(office, project, "hello@shop.test", None, None)
    sender = senders.create(office, project, "hello@shop.test", "Shop").id
    answers = {"purpose": "receipts", "volume": "100 a day", "source": "our shop"}
    for question in answers:
        with pytest.raises(InvalidError, match=f"^{question}:"):
            connections.ask(office, project, "shop", sender, {**answers, question: " "})
    asked = connections.ask(office, project, "shop", sender, answers)
    with pytest.raises(ConflictError):
        connections.new_password(office, project, asked.id)
    assert [(one.id, dict(one.answers)) for one in connections.moderated(office)] == [(asked.id, answers)]
    with pytest.raises(InvalidError):
        connections.decide(office, asked.id, False, "")
    assert connections.decide(office, asked.id, False, "too vague").reason == "too vague"
    assert connections.moderated(office) == []
    assert connections.decide(office, asked.id, True, "").state == "active"
    assert connections.new_password(office, project, asked.id).password
    with pytest.raises(ConflictError):
        connections.decide(office, asked.id, False, "late")
