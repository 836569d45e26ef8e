"""A 250 of the MX survives a power cut: a machine killed from outside while mail comes in, booted, and counted by IMAP.

What the machine's disk was not told to flush is lost (tests/peers/volatile_disk.py). `make test-power` runs it alone.
"""

from __future__ import annotations

import imaplib
import random
import re
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from peers.deployed_mail import made, trusting
from peers.deployment import asked_for, wheel, whole
from peers.loopback import wait_until
from peers.names import Names, record
from peers.need import program, root
from peers.power_machine import PowerMachine

pytestmark = [asked_for, whole]
ANN = "ann@power.test"
CUTS = 2
MAILS = 12  # taken between two cuts, at least
SENDERS = 4


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[PowerMachine]:
    root("a Debian root is made")
    for name, package in (
        ("mmdebstrap", "mmdebstrap"),
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("mke2fs", "e2fsprogs"),
    ):
        program(name, package)
    names = Names(tmp_path / "names", [record("out.test", "A", "192.0.2.9"), record("out.test", "TXT", "v=spf1 +all")])
    made_machine = PowerMachine(tmp_path, wheel(tmp_path / "wheel"), names.listening.rpartition(":")[2])
    yield made_machine
    made_machine.close()
    names.stop()


class Outside:
    """Hosts that send to the machine until they are told to stop: all in `sent`, what got a 250 in `confirmed`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self.sent: list[str] = []
        self.confirmed: list[str] = []
        self.refused: list[str] = []
        self._threads: list[threading.Thread] = []

    def start(self, round_: int) -> None:
        self._over.clear()
        self._threads = [threading.Thread(target=self._send, args=(f"{round_}-{at}",)) for at in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self, prefix: str) -> None:
        number = 0
        try:
            with smtplib.SMTP("127.0.0.1", self._port, "out.test", timeout=300) as smtp:
                while not self._over.is_set():
                    number += 1
                    self._one(smtp, f"mail-{prefix}-{number}", large=number % 5 == 0)
        except (smtplib.SMTPServerDisconnected, ConnectionError, TimeoutError):
            return  # the power went
        except smtplib.SMTPException as refusal:
            self.refused.append(str(refusal))

    def _one(self, smtp: smtplib.SMTP, subject: str, *, large: bool) -> None:
        """A large one is above the limit for rows: its bytes are a file beside the row."""
        body = "line of text\r\n" * (22_000 if large else 20)
        self.sent.append(subject)
        smtp.sendmail("bob@out.test", [ANN], f"From: bob@out.test\r\nTo: {ANN}\r\nSubject: {subject}\r\n\r\n{body}")
        self.confirmed.append(subject)


@pytest.mark.timeout(1800)
def test_what_got_250_is_there_once_after_the_power_was_cut(machine: PowerMachine) -> None:
    lot = random.Random(7)
    password = _mailbox(machine, machine.boot()["api_key"])
    outside, lost = Outside(machine.ports["mx"]), 0
    for round_ in range(CUTS):
        wanted = len(outside.confirmed) + MAILS
        outside.start(round_)
        wait_until(
            lambda wanted=wanted: outside.refused or len(outside.confirmed) >= wanted, f"{wanted} times 250", 600
        )
        assert outside.refused == []
        written = machine.said("canary")[-1]
        machine.cut(lot)
        lost += machine.disk.lost
        outside.stop()
        machine.boot()
        # The proof of the proof: what was written without fsync did not all survive.
        assert machine.said("alive")[0] < written
    wait_until(lambda: set(_kept(machine, password)) >= set(outside.confirmed), "all of them are in the mailbox", 120)
    found = _kept(machine, password)
    print(
        f"{len(outside.sent)} sent, {len(outside.confirmed)} with 250, {sum(found.values())} kept, {lost} blocks lost"
    )
    assert set(found) <= set(outside.sent)
    assert {subject for subject, count in found.items() if count > 1} == set()


def _mailbox(machine: PowerMachine, key: str) -> str:
    """ann's, by the operator's key; its password."""
    url = f"https://127.0.0.1:{machine.ports['admin']}/api/v1"
    verify = trusting()
    with httpx.Client(base_url=url, verify=verify, headers={"Authorization": f"Bearer {key}"}, timeout=120) as operator:
        own = made(operator, "/projects", {"name": "power", "campaigns_allowed": False})["api_key"]
        with httpx.Client(base_url=url, verify=verify, headers={"Authorization": f"Bearer {own}"}, timeout=120) as api:
            made(api, "/domains", {"name": "power.test"})
            states = {"owned": True, "sending": False, "linked": True}
            operator.patch("/domains/power.test", params={"project": "power"}, json=states).raise_for_status()
            return str(made(api, "/mailboxes", {"address": ANN})["password"])


def _kept(machine: PowerMachine, password: str) -> Counter[str]:
    """How often each subject is in the mailbox, wherever in it."""
    found: Counter[str] = Counter()
    with imaplib.IMAP4_SSL("127.0.0.1", machine.ports["imaps"], ssl_context=trusting(), timeout=120) as imap:
        imap.login(ANN, password)
        for folder in ("INBOX", "Junk"):
            if imap.select(folder, readonly=True)[0] != "OK":
                continue
            _, parts = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            text = b"".join(part[1] for part in parts if isinstance(part, tuple)).decode()
            found.update(re.findall(r"mail-[\d-]+", text))
    return found
