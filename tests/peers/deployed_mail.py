"""Mail to and from a deployed machine, and the host beside it on the bridge that takes what leaves it."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx

from peers.bridge import HOST
from peers.counting_host import Street
from peers.deployment import Deployed
from peers.loopback import wait_until


@contextmanager
def far_host() -> Iterator[Street]:
    """far.test's MX: takes all on port 25 of this end of the bridge, and keeps who came."""
    street, loop = Street(25, kept=[]), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(street.serve, HOST, 25), loop).result(10)
    try:
        yield street
    finally:
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _closed(server: asyncio.Server) -> None:
    """With its dialogues: a sender keeps a connection open for the next message."""
    server.close()
    talking = asyncio.all_tasks() - {asyncio.current_task()}
    for task in talking:
        task.cancel()
    await asyncio.gather(*talking, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Household:
    """A project with a domain that may send, the key of its API, and ann, who has a mailbox and is a sender."""

    domain: str
    key: str
    sender: int
    login: str
    password: str


def household(deployed: Deployed, domain: str) -> Household:
    """Made through the API; the operator vouches for the domain."""
    project = domain.partition(".")[0]
    with deployed.api() as operator:
        key = made(operator, "/projects", {"name": project, "campaigns_allowed": True})["api_key"]
        with deployed.api(key) as api:
            made(api, "/domains", {"name": domain})
            states = {"owned": True, "sending": True, "linked": True}
            answer = operator.patch(f"/domains/{domain}", params={"project": project}, json=states)
            assert answer.is_success, answer.text
            box = made(api, "/mailboxes", {"address": f"ann@{domain}"})
            sender = made(api, "/senders", {"address": f"ann@{domain}", "display_name": "Ann"})["id"]
    return Household(domain, key, sender, f"ann@{domain}", box["password"])


def made(api: httpx.Client, path: str, body: dict[str, object]) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def trusting() -> ssl.SSLContext:
    """The machine's certificate is its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def letter(author: str, reader: str, subject: str = "by way of the machine") -> EmailMessage:
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = author, reader, subject
    written.set_content("Good day.\n")
    return written


def comes_in(deployed: Deployed, of: Household, subject: str = "by way of the machine") -> None:
    """A message from outside is read over IMAP."""
    with smtplib.SMTP(deployed.machine.address, 25, timeout=20) as smtp:
        smtp.send_message(letter("carol@far.test", of.login, subject))
    wait_until(lambda: subject in subjects(deployed, of), f"{subject!r} is in the mailbox", 60)


def subjects(deployed: Deployed, of: Household) -> str:
    """Every header of INBOX in one text."""
    with imaplib.IMAP4_SSL(deployed.machine.address, 993, ssl_context=trusting(), timeout=20) as imap:
        imap.login(of.login, of.password)
        imap.select("INBOX", readonly=True)
        _, parts = imap.fetch("1:*", "(BODY.PEEK[HEADER])")
        return b"".join(part[1] for part in parts if isinstance(part, tuple)).decode()


def goes_out(deployed: Deployed, of: Household, source: str = "") -> None:
    """A message from a program leaves for another host from the machine's address, or from `source`.

    What another machine of the run still had queued may come beside it.
    """
    wanted = (source or deployed.machine.address, "dora@far.test")
    with far_host() as street:
        hand_in(deployed, of, "shop")
        wait_until(lambda: wanted in {taken[2:] for taken in street.taken}, "far.test has taken it", 60)


def hand_in(deployed: Deployed, of: Household, program: str, subject: str = "by way of the machine") -> None:
    """A new program signs in and hands in a letter to dora@far.test."""
    with deployed.api() as operator:
        # What the operator makes needs no moderation.
        project = of.domain.partition(".")[0]
        connection = made(operator, f"/connections?project={project}", {"name": program, "sender": of.sender})
    with smtplib.SMTP_SSL(deployed.machine.address, 465, context=trusting(), timeout=20) as smtp:
        smtp.login(connection["login"], connection["password"])
        smtp.send_message(letter(of.login, "dora@far.test", subject))
