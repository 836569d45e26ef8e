"""A 250 of the MX means that the message is in the store: after kill -9, on a full disk, for a peer that hangs up."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import smtp_role
from peers.loopback import wait_until
from peers.small_disk import small_disk
from peers.smtp_role import Premises, Running, Talk, deliver
from store import arrivals
from store.stores import Stores, open_stores


def message(identity: str, size: int = 200) -> bytes:
    return f"From: carl@plain.test\r\nSubject: {identity}\r\n\r\n".encode() + b"line of text\r\n" * (size // 14)


def kept(premises: Premises) -> Counter[str]:
    """How often each subject is in the store."""
    found: Counter[str] = Counter()
    with premises.stores.mail.database.read() as tx:
        for one in arrivals.waiting(tx, 0, 100_000):
            (arrival,) = arrivals.load(tx, [one])
            content = premises.spool.get(arrival.blob, arrival.file)
            found[content.split(b"Subject: ")[1].split(b"\r\n")[0].decode()] += 1
    return found


@pytest.fixture
def premises(tmp_path: Path, location: str, stores: Stores) -> Iterator[Premises]:
    smtp_role.settle_tenant(stores)
    with smtp_role.name_server(tmp_path, [("plain.test", "A", "127.0.0.9")]) as server:
        yield smtp_role.furnish(tmp_path, location, stores, server)


def test_what_got_250_is_there_once_whenever_the_mx_is_killed(premises: Premises) -> None:
    chance, confirmed, sent = random.Random(11), list[str](), list[str]()
    state: dict[str, Running | None] = {"mx": premises.start("mx")}
    over = threading.Event()

    def send(sender: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            identity = f"{sender}-{number}"
            running = state["mx"]
            if running is None:
                time.sleep(0.01)
                continue
            try:
                sent.append(identity)
                # Every seventh is above the blob limit: its bytes are a file beside the row.
                reply = deliver(
                    running.ports["mx"],
                    "c@plain.test",
                    ["ann@ours.test"],
                    message(identity, 300_000 if number % 7 == 0 else 500),
                )
            except (OSError, AssertionError):
                continue
            if reply.startswith("250"):
                confirmed.append(identity)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in senders:
        thread.start()
    for kills in range(1, 5):
        time.sleep(chance.uniform(0.3, 0.9))
        wait_until(lambda kills=kills: len(confirmed) > 6 * kills, "some got their 250", 60)  # type: ignore[misc]  # bound
        running, state["mx"] = state["mx"], None
        assert running is not None
        running.kill()
        state["mx"] = premises.start("mx")
    time.sleep(0.5)
    over.set()
    for thread in senders:
        thread.join()
    assert state["mx"] is not None
    state["mx"].kill()
    found = kept(premises)
    assert len(confirmed) > 20
    assert [identity for identity in confirmed if found[identity] != 1] == []
    assert set(found) <= set(sent)
    assert max(found.values()) == 1


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_a_peer_that_hangs_up_behind_its_final_dot_does_not_cancel_the_commit(premises: Premises) -> None:
    with premises.role("mx") as running:
        for number in range(30):
            with Talk(running.ports["mx"]) as talk:
                talk.begin("c@plain.test", "ann@ours.test")
                talk.say("DATA")
                talk.send(message(f"gone-{number}") + b".\r\n")
        assert deliver(running.ports["mx"], "c@plain.test", ["ann@ours.test"], message("last")).startswith("250")
        wait_until(lambda: kept(premises)["last"] == 1, "the last one in the store")
        assert set(kept(premises).values()) == {1}


@pytest.fixture(name="small_disk")
def disk_of_8_mb(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 8) as folder:
        yield folder


@pytest.mark.parametrize("size", [2_000, 600_000], ids=["blob", "file"])
def test_a_full_disk_is_a_temporary_answer_and_loses_nothing(
    small_disk: Path, migrated_folder: Path, size: int
) -> None:
    shutil.copytree(migrated_folder, small_disk / "databases")
    stores = open_stores(str(small_disk / "databases"))
    smtp_role.settle_tenant(stores)
    with smtp_role.name_server(small_disk, [("plain.test", "A", "127.0.0.9")]) as server:
        premises = smtp_role.furnish(small_disk, str(small_disk / "databases"), stores, server)
        with premises.role("mx") as running:
            port = running.ports["mx"]
            assert deliver(port, "c@plain.test", ["ann@ours.test"], message("before", size)).startswith("250")
            _fill(small_disk)
            replies = [deliver(port, "c@plain.test", ["ann@ours.test"], message(f"full-{n}", size)) for n in range(8)]
            assert replies[-1].startswith("452 4.3.1"), replies
            (small_disk / "ballast").unlink()
            assert deliver(port, "c@plain.test", ["ann@ours.test"], message("after", size)).startswith("250")
        taken = 2 + sum(reply.startswith("250") for reply in replies)
        found = kept(premises)
        assert sum(found.values()) == taken
        assert found["before"] == found["after"] == 1
    stores.close()


def _fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for block in (65536, 4096, 1):
            try:
                while True:
                    ballast.write(b"x" * block)
            except OSError:
                continue
