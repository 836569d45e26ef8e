"""Tallies of ratings equal the clients themselves after whatever happened, on both engines, a crash included (K5)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from admin.office import Office
from admin.sweeping import fold_ratings
from mail.outcome import Effect, Reason
from peers import rows
from peers.rows import VAULT, Made
from store import clients, consequences, list_ratings, lists, schema
from store.consequences import Cause
from store.list_ratings import Difference
from store.stores import Stores

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Register:
    """A project with three lists, where things happen at random."""

    def __init__(self, stores: Stores, made: Made, office: Office) -> None:
        self.stores, self.project, self.office = stores, made.project_id, office
        self.random = random.Random(7)
        self.step = 0
        self.lists = [made.list_id, *(self._list(name) for name in ("second", "third"))]
        self.ids: list[int] = []
        self.acts: list[Callable[[Any], None]] = [self.come, self.come, self.join, self.rate, self.bounce, self.fold]

    def _list(self, name: str) -> int:
        return self.office.write(lambda tx: lists.create(tx, self.project, name, NOW)).id

    def happen(self, tx: Any) -> None:
        self.step += 1
        self.random.choice(self.acts)(tx)

    def come(self, tx: Any) -> None:
        names = [f"r{self.step}-{number}@x.test" for number in range(self.random.randint(1, 20))]
        newcomers = [clients.Newcomer(name, name, "x.test", {}) for name in names]
        made = clients.register(tx, self.project, newcomers, self.random.choice([7, 10]), "import", NOW)
        lists.add(tx, self.random.choice(self.lists), made)
        self.ids += made

    def join(self, tx: Any) -> None:
        lists.add(tx, self.random.choice(self.lists), self.some())

    def some(self) -> list[int]:
        return self.random.sample(self.ids, min(len(self.ids), 15))

    def rate(self, tx: Any) -> None:
        for client in self.some():
            at = NOW + timedelta(seconds=self.step)
            consequences.by_hand(tx, self.project, client, self.random.randint(1, 10), "me", at)

    def bounce(self, tx: Any) -> None:
        for client in self.some():
            effect = self.random.choice([Effect.BLOCK, Effect.FULL, Effect.COMPLAINT])
            arrival = self.random.randint(1, 50)
            consequences.judge(tx, Cause(self.project, client, None, arrival, Reason.FEEDBACK, "no"), effect, NOW)

    def fold(self, tx: Any) -> None:
        list_ratings.fold(tx)

    def differences(self) -> list[Difference]:
        with self.office.read() as tx:
            return list_ratings.differences(tx)


class KilledError(Exception):
    pass


@pytest.fixture
def register(stores: Stores, tmp_path: Any) -> Register:
    made = rows.make_campaign(stores, ["first@x.test"])
    return Register(stores, made, Office(stores, VAULT, tmp_path, "ours.test", (), threads=False))


def test_tallies_equal_the_clients_after_anything_that_happened_or_broke_off(register: Register) -> None:
    for _ in range(120):
        ids = list(register.ids)
        try:
            register.office.write(lambda tx: _perhaps_killed(register, tx))
        except KilledError:
            register.ids = ids  # none of it came to be
    assert register.differences() == []
    fold_ratings(register.office)
    assert register.differences() == []
    with register.office.read() as tx:
        assert not list_ratings.any_moves(tx)
        for one in register.lists:
            on_it = (schema.memberships.c.client_id == schema.clients.c.id) & (schema.memberships.c.list_id == one)
            truth = Counter(tx.execute(select(schema.clients.c.rating).join(schema.memberships, on_it)).scalars())
            assert list_ratings.of_list(tx, register.project, one) == dict(truth)
            assert list_ratings.sizes(tx, register.project, [one]) == {one: truth.total()}
        assert sum(list_ratings.of_list(tx, register.project).values()) == len(register.ids) + 1


def _perhaps_killed(register: Register, tx: Any) -> None:
    register.happen(tx)
    if register.random.random() < 0.2:
        raise KilledError


def test_what_was_changed_past_the_tallies_is_told_and_mended(register: Register) -> None:
    register.office.write(lambda tx: tx.execute(update(schema.clients).values(rating=3)))
    first = register.lists[0]
    wanted = [(0, 3, 1), (0, 7, -1), (first, 3, 1), (first, 7, -1)]
    assert [(one.list_id, one.rating, one.missing) for one in register.differences()] == wanted
    assert len(register.office.write(list_ratings.mend)) == 4
    assert register.differences() == []
    with register.office.read() as tx:
        assert list_ratings.of_list(tx, register.project, first) == {3: 1}
