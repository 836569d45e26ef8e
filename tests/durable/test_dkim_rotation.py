"""DKIM keys change without a gap: new ones sign once DNS shows them all, and old records stay up for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dkim as oracle
import pytest
from sqlalchemy import select

from admin.acts import dkim_keys, domains, projects
from admin.key_rotation import RETIRED_FOR, Rotation
from admin.office import Office
from admin.refusals import ConflictError, NotFoundError
from mta.outbound import shelf
from mta.outbound.compose import Recipe
from mta.outbound.identity import Identities
from net.resolver import Resolver
from peers import rows
from peers.names import Names, record
from peers.vaults import whole_vault
from role.log import EventLog
from store.schema import messages
from store.settings import Settings
from store.stores import Stores

LETTER = b"From: hello@shop.test\r\nTo: ann@a.test\r\nSubject: hello\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    made = Names(tmp_path_factory.mktemp("names"), [record("elsewhere.test", "A", "127.0.0.1")])
    yield made
    made.stop()


class Shop:
    def __init__(self, office: Office, names: Names, domain: str) -> None:
        self.office, self.names, self.domain = office, names, domain
        self.owner = projects.create(office, "shop", campaigns_allowed=True).id
        domains.create(office, self.owner, domain)

    @property
    def rotation(self) -> Rotation:
        """Of a clock that has cached no answer."""
        return Rotation(self.office, Resolver([self.names.listening], timedelta(seconds=2)), EventLog("clock"))

    def states(self) -> list[str]:
        return [key.state for key in dkim_keys.page(self.office, self.owner, self.domain)]

    def selectors(self, state: str) -> list[str]:
        return [key.selector for key in dkim_keys.page(self.office, self.owner, self.domain) if key.state == state]

    def publish(self, *which: int) -> None:
        keys = dkim_keys.page(self.office, self.owner, self.domain)
        chosen = [keys[at] for at in which] if which else keys
        self.names.publish(record(key.host, "TXT", key.value.replace("; ", ";")) for key in chosen)

    def signer(self) -> Any:
        """What the sender signs with when it next reads a recipe."""
        context: Any = SimpleNamespace(stores=self.office.stores, vault=self.office.vault, settings=Settings())
        return Identities(context).of(self.owner, self.domain).signer

    def look(self) -> None:
        self.rotation.step(self.office.now())


@pytest.fixture
def shop(stores: Stores, tmp_path: Path, names: Names) -> Shop:
    domain = f"shop{len(names.records)}.test"
    return Shop(Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", ()), names, domain)


def test_new_keys_sign_nothing_until_every_record_is_in_dns(shop: Shop) -> None:
    old = shop.selectors("active")
    dkim_keys.rotate(shop.office, shop.owner, shop.domain)
    assert shop.states() == ["active", "active", "published", "published"]
    shop.look()
    shop.publish(2)
    shop.look()
    assert [key.selector for key in shop.signer().keys] == old
    shop.publish(3)
    shop.look()
    assert shop.states() == ["retired", "retired", "active", "active"]
    assert [key.selector for key in shop.signer().keys] == shop.selectors("active")
    assert not set(shop.selectors("active")) & set(old)


def test_mail_signed_before_and_after_a_rotation_verifies(shop: Shop) -> None:
    letters = []
    for turn in range(2):
        if turn:
            dkim_keys.rotate(shop.office, shop.owner, shop.domain)
            dkim_keys.activate(shop.office, shop.owner, shop.domain)
        letters.append(shop.signer().sign(LETTER, shop.office.now()) + LETTER)
    told = {one.host: one.value for one in domains.get(shop.office, shop.owner, shop.domain).records}

    def answer(name: bytes, timeout: float = 5) -> bytes:
        return told[name.decode().rstrip(".")].encode()

    assert len(set(letters)) == 2
    for letter in letters:
        assert b" l=" not in letter.partition(b"\r\nFrom:")[0]
        for at in range(2):
            assert oracle.DKIM(letter).verify(at, dnsfunc=answer)


def test_a_record_with_another_key_does_not_count(shop: Shop) -> None:
    dkim_keys.rotate(shop.office, shop.owner, shop.domain)
    keys = dkim_keys.page(shop.office, shop.owner, shop.domain)
    shop.names.publish(record(new.host, "TXT", old.value) for new, old in zip(keys[2:], keys[:2], strict=True))
    shop.look()
    assert shop.states() == ["active", "active", "published", "published"]


def test_a_second_rotation_waits_for_the_first(shop: Shop) -> None:
    dkim_keys.rotate(shop.office, shop.owner, shop.domain)
    with pytest.raises(ConflictError, match="wait to be seen"):
        dkim_keys.rotate(shop.office, shop.owner, shop.domain)
    dkim_keys.activate(shop.office, shop.owner, shop.domain)
    dkim_keys.rotate(shop.office, shop.owner, shop.domain)
    assert len({key.selector for key in dkim_keys.page(shop.office, shop.owner, shop.domain)}) == 6


def test_retired_keys_are_deleted_when_their_mail_cannot_be_under_way_any_more(shop: Shop) -> None:
    dkim_keys.rotate(shop.office, shop.owner, shop.domain)
    dkim_keys.activate(shop.office, shop.owner, shop.domain)
    shop.rotation.sweep(shop.office.now() + RETIRED_FOR - timedelta(minutes=1))
    assert "retired" in shop.states()
    shop.rotation.sweep(shop.office.now() + RETIRED_FOR + timedelta(minutes=1))
    assert shop.states() == ["active", "active"]


def test_another_project_neither_sees_nor_rotates_them(shop: Shop) -> None:
    other = projects.create(shop.office, "other", campaigns_allowed=True).id
    for act in (dkim_keys.page, dkim_keys.rotate, dkim_keys.activate):
        with pytest.raises(NotFoundError):
            act(shop.office, other, shop.domain)


def test_the_sender_signs_with_a_new_key_within_thirty_seconds_and_without_a_restart(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rows.make_campaign(stores, ["ann@a.test"])
    rows.launch(stores, made)
    rows.expand(stores, made)
    with stores.core.database.read() as core:
        (message,) = core.execute(select(messages.c.id)).scalars()
    context: Any = SimpleNamespace(stores=stores, vault=rows.VAULT, settings=Settings(), log=EventLog("sender"))
    later = [0.0]
    monkeypatch.setattr(shelf.time, "monotonic", lambda: 1000.0 + later[0])
    kept = shelf.Shelf(context)

    def selectors() -> list[str]:
        recipe = kept.of([message])[message]
        assert isinstance(recipe, Recipe)
        assert recipe.signer is not None
        return [key.selector for key in recipe.signer.keys]

    before = selectors()
    office = Office(stores, rows.VAULT, Path(), "mailloft.test", ())
    dkim_keys.rotate(office, made.project_id, rows.DOMAIN)
    dkim_keys.activate(office, made.project_id, rows.DOMAIN)
    later[0] = 30.0
    kept.refresh()
    assert not set(selectors()) & set(before)
