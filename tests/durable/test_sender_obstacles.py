"""Each sender tells all that keeps it from sending, whether asked for alone or among all of its project's."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin.acts import connections, domains, mailboxes, projects, senders
from admin.acts.pages import Window
from admin.office import Office
from mail.address import parse_mailbox
from peers.vaults import whole_vault
from policy.sender_standing import SenderFacts, obstacles
from store import sender_standing
from store.stores import Stores

NAMED = {
    "well@shop.test": [],
    "asks@shop.test": ["smtp_moderation"],
    "asks.again@shop.test": [],
    "no@shop.test": ["smtp_rejected"],
    "unproved@shop.test": ["sender"],
    "a@lame.test": ["domain"],
    "a@nowhere.test": ["sender", "domain"],
}


class Shop:
    """A project whose senders stand in every way."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.project = projects.create(office, "shop", campaigns_allowed=True).id
        for name in ("shop.test", "lame.test"):
            domains.create(office, self.project, name)
            domains.set_states(office, self.project, name, {"owned": True, "sending": name == "shop.test"})
        for address in NAMED:
            if "sender" not in NAMED[address]:
                mailboxes.create(office, self.project, address, None, None)
        self.ids = {address: senders.create(office, self.project, address, "").id for address in NAMED}
        for address, decisions in (("asks", [None]), ("asks.again", [False, True, None]), ("no", [False])):
            for number, decided in enumerate(decisions):
                self._asks(f"{address}@shop.test", f"{address} {number}", decided)

    def _asks(self, address: str, name: str, decided: bool | None) -> None:
        made = connections.create(self.office, self.project, name, self.ids[address], approved=bool(decided))
        if decided is False:
            connections.decide(self.office, made.id, False, "no")


@pytest.fixture
def shop(stores: Stores, tmp_path: Path) -> Shop:
    return Shop(Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", ()))


def test_each_obstacle_is_told_with_its_words(shop: Shop) -> None:
    found = senders.page(shop.office, shop.project, Window()).items
    assert {one.address: [each["name"] for each in one.obstacles] for one in found} == NAMED
    for one in found:
        assert senders.get(shop.office, shop.project, one.id) == one
        assert senders.by_address(shop.office, shop.project, one.address) == one
        assert all(each["detail"] for each in one.obstacles)


def test_all_at_once_are_what_each_is_alone(shop: Shop) -> None:
    found = senders.page(shop.office, shop.project, Window()).items
    with shop.office.read() as core:
        alone: list[SenderFacts] = [
            sender_standing.gather(core, shop.project, parse_mailbox(one.address), authorised=one.authorised)
            for one in found
        ]
    assert [[each.name for each in obstacles(facts)] for facts in alone] == list(NAMED.values())
