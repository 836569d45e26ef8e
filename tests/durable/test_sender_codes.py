"""A sender is authorised by the code that was mailed to it: 30 minutes, five tries, one mail a minute (PRODUCT C1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from admin.acts import domains, projects, sender_codes, senders
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from peers.vaults import whole_vault
from store.schema import messages, recipients
from store.settings import Settings, Storage
from store.stores import Stores


class LateOffice(Office):
    """An office whose clock a test moves."""

    later: timedelta = timedelta(0)

    @staticmethod
    def now() -> datetime:
        return Office.now() + LateOffice.later


class Shop:
    def __init__(self, stores: Stores, folder: Path) -> None:
        settings = Settings(storage=Storage(spool=str(folder / "spool")))
        self.office = LateOffice(stores, whole_vault(bytes(32)), folder, "mx.host.test", (), settings=settings)
        self.host = projects.create(self.office, "host", campaigns_allowed=True).id
        self.project = projects.create(self.office, "shop", campaigns_allowed=True).id
        self.sender = senders.create(self.office, self.project, "news@shop.test", "Shop").id

    def host_may_send(self) -> None:
        domains.create(self.office, self.host, "host.test")
        domains.set_states(self.office, self.host, "host.test", {"owned": True, "sending": True})

    def send(self) -> str:
        """The code that the mail carries."""
        sender_codes.send(self.office, self.project, self.sender)
        with self.office.read() as tx:
            rows = select(messages.c.bytes, recipients.c.address).join(recipients).order_by(messages.c.id.desc())
            octets, address = tx.execute(rows).first() or (b"", "")
        assert address == "news@shop.test"
        found = re.search(rb"enter this code: (\d{6})\r\n", octets)
        assert found
        return found[1].decode()

    def prove(self, code: str) -> bool:
        return sender_codes.prove(self.office, self.project, self.sender, code).authorised


@pytest.fixture
def shop(stores: Stores, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(stores, tmp_path)
    LateOffice.later = timedelta(0)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_the_right_code_authorises_and_is_then_worth_nothing(shop: Shop) -> None:
    shop.host_may_send()
    code = shop.send()
    with pytest.raises(InvalidError, match="^code:"):
        shop.prove(other_than(code))
    assert shop.prove(f" {code[:3]} {code[3:]} ")
    with pytest.raises(ConflictError):
        shop.prove(code)
    with pytest.raises(ConflictError, match="authorised already"):
        shop.send()


def test_five_wrong_tries_end_a_code_and_the_next_one_counts_anew(shop: Shop) -> None:
    shop.host_may_send()
    code = shop.send()
    for _ in range(5):
        with pytest.raises(InvalidError):
            shop.prove(other_than(code))
    with pytest.raises(ConflictError, match="have a new one mailed"):
        shop.prove(code)
    LateOffice.later = timedelta(seconds=61)
    assert shop.prove(shop.send())


def test_a_code_is_mailed_once_a_minute_and_good_for_thirty(shop: Shop) -> None:
    shop.host_may_send()
    code = shop.send()
    with pytest.raises(ConflictError, match="less than a minute"):
        shop.send()
    LateOffice.later = timedelta(minutes=31)
    with pytest.raises(ConflictError):
        shop.prove(code)


def test_without_a_domain_that_may_send_the_reason_is_told(shop: Shop) -> None:
    with pytest.raises(ConflictError, match=r"mx\.host\.test is in no domain here that may send"):
        shop.send()


def test_security_26_another_projects_sender_is_none(shop: Shop) -> None:
    shop.host_may_send()
    for act in (
        lambda: sender_codes.send(shop.office, shop.host, shop.sender),
        lambda: sender_codes.prove(shop.office, shop.host, shop.sender, "000000"),
    ):
        with pytest.raises(NotFoundError):
            act()
