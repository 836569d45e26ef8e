"""A campaign from the deployed machine to Debian's Postfix beside it, and what comes back: refusal, DSN, reply."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from peers.bridge import HOST
from peers.deployed_mail import Household, letter, made, subjects
from peers.deployment import Deployed, whole
from peers.loopback import answers, wait_until
from peers.postfix_instance import NOBODY, Instance

pytestmark = [whole, pytest.mark.timeout(2400)]
_SETTINGS = """\
myhostname = mx.far.test
inet_interfaces = all
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = far.test
virtual_mailbox_base = {{folder}}/mail
virtual_mailbox_limit = 0
virtual_mailbox_maps = hash:{{folder}}/etc/boxes
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
transport_maps = hash:{{folder}}/etc/transport
relayhost = [{machine}]:25
smtp_helo_name = mx.far.test
smtp_tls_security_level = may
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
# The host behind the gate is the same Postfix at another port.
_LISTENERS = """\
{host}:25 inet n - n - - smtpd
{host}:2525 inet n - n - - smtpd
  -o smtpd_recipient_restrictions=check_recipient_access,hash:{{folder}}/etc/behind,reject
"""


@pytest.fixture(scope="module")
def far(deployed: Deployed) -> Iterator[Instance]:
    """far.test: bob reads, gone is unknown at RCPT, full is taken and comes back as a DSN."""
    settings = _SETTINGS.format(nobody=NOBODY, machine=deployed.machine.address)
    instance = Instance(settings, _LISTENERS.format(host=HOST))
    instance.map("boxes", {"bob@far.test": "bob/", "full@far.test": "full/"})
    instance.map("transport", {"full@far.test": f"smtp:[{HOST}]:2525"})
    instance.map("behind", {"full@far.test": "550 5.1.1 The email account that you tried to reach does not exist"})
    instance.start(lambda: answers(HOST, 25))
    yield instance
    instance.stop()


def test_a_campaign_goes_out_and_what_comes_back_changes_ratings(
    deployed: Deployed, ours: Household, far: Instance
) -> None:
    with deployed.api(ours.key) as api:
        people = made(api, "/lists", {"name": "people"})["id"]
        for name in ("bob", "gone", "full"):
            made(api, "/clients", {"address": f"{name}@far.test", "lists": [people]})
        campaign = made(api, "/campaigns", {
            "name": "news", "sender": ours.sender, "list": people, "subject": "News of the shop",
            "html": "<p>Good day. <a href='{{ unsubscribe_url }}'>No more</a></p>",
        })["id"]  # fmt: skip
        made(api, f"/campaigns/{campaign}/launch", {"at": None})

        def counts() -> dict[str, int]:
            found: dict[str, int] = api.get(f"/campaigns/{campaign}").json()["counts"]
            return found

        wait_until(lambda: (counts().get("delivered"), counts().get("failed")) == (1, 1), "bob has it, gone not", 90)
        wait_until(lambda: counts().get("bounced", 0) == 1, "the DSN of full came back", 90)
        wait_until(lambda: list(far.folder.glob("mail/bob/new/*")), "bob's letter lies in his Maildir", 30)
        (taken,) = far.folder.glob("mail/bob/new/*")
        assert b"DKIM-Signature" in taken.read_bytes()
        _reply(deployed, ours, taken.read_bytes())
        wait_until(lambda: "Re: News of the shop" in subjects(deployed, ours), "ann has bob's answer", 60)
        # They began with 7.
        rated = {"bob@far.test": 10, "gone@far.test": 1, "full@far.test": 1}
        wait_until(lambda: _ratings(api, people) == rated, "bob is alive, the others are no more", 30)
    traced = deployed.machine.run("mailloft trace bob@far.test --project shop")
    assert "delivered" in traced
    asked = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9521/metrics').read().decode())"
    assert "mailloft_" in deployed.machine.run(f'python3 -c "{asked}"')


def _ratings(api: Any, people: int) -> dict[str, int]:
    found = api.get("/clients", params={"list": people}).json()["items"]
    return {one["address"]: one["rating"] for one in found}


def _reply(deployed: Deployed, ours: Household, taken: bytes) -> None:
    read = message_from_bytes(taken, policy=policy.default)
    answer: EmailMessage = letter("bob@far.test", str(read["Reply-To"] or read["From"]), "Re: News of the shop")
    answer["In-Reply-To"] = read["Message-ID"]
    with smtplib.SMTP(deployed.machine.address, 25, timeout=20) as smtp:
        smtp.send_message(answer)


def test_the_command_line_of_the_machine_works_for_root(deployed: Deployed, ours: Household) -> None:
    run = deployed.machine.run
    assert "shop" in run("mailloft project list")
    run("mailloft queue list")
    documents = re.findall(r"Docs: file:(\S+)", run("systemctl status --no-pager -n 0 'mailloft-*'", check=False))
    assert len(documents) > 7
    run(f"stat {' '.join(documents)}")
    examined = run("mailloft doctor", check=False)
    for name in ("mx, port 25", "submission, port 587", "imaps, port 993", "admin, port 443"):
        assert f"{name}: answers, with TLS" in examined, examined
    assert "sender-1: lives" in examined, examined
    assert "sudo mailloft" in run("runuser -u deploy -- mailloft project list 2>&1", check=False)
    assert "systemctl start mailloft.target" in run("mailloft up 2>&1", check=False)
    run("mailloft backup /root/backups")
    assert run("find /var/lib/mailloft ! -user mailloft ! -group mailloft").strip() == ""
    assert run("stat -c '%a %U %G' /var/lib/mailloft/backup.json").strip() == "640 mailloft mailloft"


def test_each_role_reads_what_it_needs_and_nothing_more(deployed: Deployed) -> None:
    run = deployed.machine.run
    for user in ("mailloft-mx", "mailloft-sorter", "mailloft-imap"):
        for file in ("master.key", "signing.key", "keepsakes.json"):
            assert "Permission denied" in run(f"runuser -u {user} -- cat /var/lib/mailloft/{file} 2>&1", check=False)
    for user in ("mailloft-sender", "mailloft-sorter", "mailloft-clock"):
        assert "Permission denied" in run(f"runuser -u {user} -- cat /etc/mailloft/tls/server.key 2>&1", check=False)
    assert run('journalctl -u mailloft-mx@1 -o cat --no-pager | grep -c \'"role":"mx\'').strip() != "0"
