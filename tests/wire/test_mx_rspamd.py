"""The MX asks Debian's rspamd: its word files mail as junk or refuses it, and its absence lets mail pass."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mail.header import Headers
from peers import smtp_role
from peers.rspamd import scanning
from peers.smtp_role import Premises, Tenant, deliver
from store import arrivals
from store.arrivals import Arrival

# Patterns that rspamd keeps for tests: it would reject the one and mark the other.
REJECTED = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
MARKED = b"YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@pytest.fixture
def premises(tmp_path: Path, migrated_folder: Path) -> Iterator[Premises]:
    with smtp_role.premises_in(tmp_path, migrated_folder) as made:
        yield made


@pytest.fixture
def tenant(premises: Premises) -> Tenant:
    return smtp_role.settle_tenant(premises.stores)


def mail(words: bytes) -> bytes:
    return (
        b"From: Carl <carl@remote.test>\r\nTo: ann@ours.test\r\nSubject: hello\r\nX-Spam-Status: No, forged\r\n"
        b"Message-ID: <1@remote.test>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\n" + words + b"\r\n"
    )


def sent(port: int, words: bytes) -> str:
    return deliver(port, "carl@remote.test", ["ann@ours.test"], mail(words))


def last(premises: Premises) -> Arrival:
    with premises.stores.mail.database.read() as tx:
        return arrivals.load(tx, arrivals.waiting(tx, 0, 1000))[-1]


def spam_status(arrival: Arrival) -> list[str]:
    return Headers.of(arrival.blob or b"").all("X-Spam-Status")


@pytest.mark.usefixtures("tenant")
def test_the_word_of_rspamd_files_or_refuses(premises: Premises, tmp_path: Path) -> None:
    with scanning(tmp_path / "rspamd", str(premises.settings["dns"]["servers"][0])) as url:
        premises.settings["junk"] = {"rspamd": url, "rspamd_timeout": "PT20S"}
        with premises.role("mx") as mx:
            for words, junk in ((MARKED, True), (REJECTED, True), (b"Good day, see you at noon.", False)):
                assert sent(mx.ports["mx"], words).startswith("250")
                arrival = last(premises)
                assert arrival.authentication.get("spam", False) is junk
                (status,) = spam_status(arrival)
                assert status.startswith("Yes, score=" if junk else "No, score=")
        premises.settings["junk"]["rspamd_reject"] = True
        with premises.role("mx") as mx:
            assert sent(mx.ports["mx"], REJECTED) == "550 5.7.1 The message looks like junk"
            assert sent(mx.ports["mx"], MARKED).startswith("250")


@pytest.mark.usefixtures("tenant")
def test_mail_passes_where_rspamd_is_silent_or_away(premises: Premises) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        premises.settings["junk"] = {"rspamd": url, "rspamd_timeout": "PT0.5S", "rspamd_reject": True}
        with premises.role("mx") as mx:
            began = time.monotonic()
            assert sent(mx.ports["mx"], REJECTED).startswith("250")
            assert time.monotonic() - began >= 0.5
            assert spam_status(last(premises)) == []
            silent.close()
            assert sent(mx.ports["mx"], REJECTED).startswith("250")
        assert {line["event"] for line in mx.log()} >= {"rspamd did not answer", "accepted"}


@pytest.mark.usefixtures("tenant")
def test_an_rspamd_that_hangs_is_not_asked_for_a_while(premises: Premises) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        premises.settings["junk"] = {"rspamd": url, "rspamd_timeout": "PT1S"}
        with premises.role("mx") as mx:
            for _ in range(6):
                assert sent(mx.ports["mx"], REJECTED).startswith("250")
            metrics = httpx.get(f"http://127.0.0.1:{mx.ports['metrics']}/metrics", timeout=10).text
        assert 'mailloft_mx_rspamd_total{action="unanswered"} 3.0' in metrics
        assert 'mailloft_mx_rspamd_total{action="unasked"} 3.0' in metrics
    (paused,) = [line for line in mx.log() if line["event"] == "rspamd is not asked for a while"]
    assert paused["seconds"] == 30
