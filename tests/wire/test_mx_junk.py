"""Suspicious peers at the MX, seen through a proxy's header since loopback is never suspicious."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import smtp_role
from peers.smtp_role import Premises, Running, Talk
from store import arrivals

MESSAGE = b"From: Carl <carl@remote.test>\r\nTo: ann@ours.test\r\nSubject: hello\r\n\r\nGood day.\r\n"
RECORDS = [
    ("remote.test", "A", "8.8.4.9"),
    ("9.4.8.8.in-addr.arpa", "PTR", "mx.remote.test."),
    ("mx.remote.test", "A", "8.8.4.9"),
    ("10.4.8.8.in-addr.arpa", "PTR", "mx2.remote.test."),
    ("mx2.remote.test", "A", "8.8.4.10"),
    ("10.4.8.8.bl.test", "A", "127.0.0.2"),
    ("9.4.8.8.bl.test", "A", "127.255.255.254"),
]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Premises]:
    with smtp_role.premises_in(tmp_path_factory.mktemp("mx-junk"), migrated_folder, RECORDS) as made:
        smtp_role.settle_tenant(made.stores)
        made.settings["mx"] = {"proxy_networks": ["127.0.0.0/8"]}
        made.settings["junk"] = {"block_lists": ["bl.test"], "greylist": "PT0.5S"}
        yield made


@pytest.fixture(scope="module")
def mx(premises: Premises) -> Iterator[Running]:
    with premises.role("mx") as running:
        yield running


def deliver(mx: Running, peer: str, reverse_path: str = "carl@remote.test") -> str:
    with Talk(mx.ports["mx"]) as talk:
        talk.send(f"PROXY TCP4 {peer} 192.0.2.1 4096 25\r\n".encode())
        assert all(reply.startswith("250") for reply in talk.begin(reverse_path, "ann@ours.test"))
        talk.say("DATA")
        talk.send(MESSAGE + b".\r\n")
        return talk.reply()


def listed(premises: Premises) -> object:
    with premises.stores.mail.database.read() as tx:
        return arrivals.load(tx, arrivals.waiting(tx, 0, 1000))[-1].authentication.get("listed")


def test_a_peer_with_a_name_that_leads_back_never_waits(premises: Premises, mx: Running) -> None:
    assert deliver(mx, "8.8.4.9").startswith("250")
    assert listed(premises) is None


def test_a_peer_without_a_name_waits_once_and_its_network_is_let_in_from_then_on(mx: Running) -> None:
    assert deliver(mx, "9.9.9.20").startswith("451 4.7.1")
    assert deliver(mx, "9.9.9.20").startswith("451 4.7.1")
    time.sleep(0.6)
    assert deliver(mx, "9.9.9.20").startswith("250")
    assert deliver(mx, "9.9.9.21", "dora@remote.test").startswith("250")
    assert deliver(mx, "9.9.10.20").startswith("451 4.7.1")


def test_mail_of_a_listed_peer_says_which_list_once_it_is_let_in(premises: Premises, mx: Running) -> None:
    assert deliver(mx, "8.8.4.10").startswith("451 4.7.1")
    time.sleep(0.6)
    assert deliver(mx, "8.8.4.10").startswith("250")
    assert listed(premises) == ["bl.test"]
