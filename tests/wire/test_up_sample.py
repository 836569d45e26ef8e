"""The sample: what ann sends to bob comes round through submission, queue, MX and mailbox, also over a restart."""

from __future__ import annotations

import imaplib
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage

from peers.appliance import Appliance
from peers.loopback import wait_until


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


def test_a_mail_from_ann_comes_round_to_bob_signed_and_authenticated(appliance: Callable[..., Appliance]) -> None:
    made = appliance("", "--sample")
    send(made, "bob@sample.test", "round one")
    wait_until(lambda: "round one" in subjects(made, 1), "the mail is in bob's mailbox", 30)
    header = subjects(made, 1)
    assert "dkim=pass" in header
    assert "spf=pass" in header
    assert "dmarc=pass" in header


def test_mail_that_was_taken_before_a_kill_arrives_after_the_next_start(appliance: Callable[..., Appliance]) -> None:
    made = appliance("", "--sample")
    send(made, "bob@sample.test", "before the kill")
    made.kill_parent()
    made.start()
    wait_until(lambda: "before the kill" in subjects(made, 1), "the mail is in bob's mailbox", 60)
