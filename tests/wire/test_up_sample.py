"""The sample: what ann sends to bob comes round through submission, queue, MX and mailbox, also over a restart."""

from __future__ import annotations

import imaplib
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.postgresql import Cluster


def send(made: Appliance, recipient: str, subject: str) -> None:
    connection = made.ready["sample"]["connection"]
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = connection["sender"], recipient, subject
    message.set_content("Good morning")
    trusts = ssl.create_default_context(cafile=made.ready["ca"])
    with smtplib.SMTP_SSL("127.0.0.1", made.ready["submissions"], context=trusts) as submission:
        submission.login(connection["login"], connection["password"])
        submission.send_message(message)


def subjects(made: Appliance, number: int) -> str:
    mailbox = made.ready["sample"]["mailboxes"][number]
    trusts = ssl.create_default_context(cafile=made.ready["ca"])
    with imaplib.IMAP4_SSL("127.0.0.1", made.ready["imaps"], ssl_context=trusts) as imap:
        imap.login(mailbox["login"], mailbox["password"])
        imap.select("INBOX", readonly=True)
        _, parts = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT AUTHENTICATION-RESULTS)])")
        return b"".join(part[1] for part in parts if isinstance(part, tuple)).decode()


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One for the tests that need no start of their own."""
    made = Appliance(tmp_path_factory.mktemp("sampled"), "", "--sample")
    made.start()
    yield made
    made.stop()


def test_a_mail_from_ann_comes_round_to_bob_signed_and_authenticated(sampled: Appliance) -> None:
    send(sampled, "bob@sample.test", "round one")
    wait_until(lambda: "round one" in subjects(sampled, 1), "the mail is in bob's mailbox", 30)
    header = subjects(sampled, 1)
    assert "dkim=pass" in header
    assert "spf=pass" in header
    assert "dmarc=pass" in header


def test_mail_that_was_taken_before_a_kill_arrives_after_the_next_start(appliance: Callable[..., Appliance]) -> None:
    made = appliance("", "--sample")
    send(made, "bob@sample.test", "before the kill")
    made.kill_parent()
    made.start()
    wait_until(lambda: "before the kill" in subjects(made, 1), "the mail is in bob's mailbox", 60)


def test_other_names_are_asked_of_the_servers_that_are_set(appliance: Callable[..., Appliance], tmp_path: Path) -> None:
    zone = tmp_path / "zone.json"
    zone.write_text(json.dumps({"records": [{"host": "far.test", "type": "MX", "value": "0 ."}]}))
    with running_name_server(zone) as others:
        made = appliance(f'[dns]\nservers = ["{others}"]\n', "--sample")
        send(made, "bob@sample.test", "still round")
        wait_until(lambda: "still round" in subjects(made, 1), "the mail is in bob's mailbox", 30)
        known = asked(made.ready["dns"], "far.test")
        assert known.rcode() == dns.rcode.NOERROR
        assert "0 ." in known.to_text()
        assert asked(made.ready["dns"], "nowhere.test").rcode() == dns.rcode.NXDOMAIN


def asked(server: str, name: str, seconds: float = 10.0) -> dns.message.Message:
    host, _, port = server.rpartition(":")
    return dns.query.udp(dns.message.make_query(name, "MX"), host, timeout=seconds, port=int(port))


@contextmanager
def running_name_server(zone: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "lab.nameserver", "--zone", zone]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["listening"]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_a_name_server_that_died_is_started_again_on_its_port(sampled: Appliance) -> None:
    children = Path(f"/proc/{sampled.pid}/task/{sampled.pid}/children").read_text().split()
    (server,) = (pid for pid in children if b"lab.nameserver" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(server), signal.SIGKILL)

    def answers() -> bool:
        try:
            return asked(sampled.ready["dns"], "sample.test", 1.0).rcode() == dns.rcode.NOERROR
        except (OSError, dns.exception.Timeout):
            return False

    wait_until(answers, "the names are served again", 20)


def test_it_comes_round_with_the_rows_in_postgresql_too(appliance: Callable[..., Appliance], cluster: Cluster) -> None:
    url = cluster.create(template="migrated")
    made = appliance(f'[storage]\ndatabase = "{url}"\n', "--sample")
    send(made, "bob@sample.test", "by PostgreSQL")
    wait_until(lambda: "by PostgreSQL" in subjects(made, 1), "the mail is in bob's mailbox", 30)
    made.stop()
    cluster.drop(url)
