"""A small press: the appliance with one project, Postfix as the remote hosts, and a campaign to 130 clients.

Every kind of recipient is among them: taken, deferred at first, refused at RCPT, taken and bounced later by real DSNs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lab.newsletter import issue
from peers import swaks
from peers.appliance import Appliance
from peers.loopback import free_port, wait_until
from peers.names import Names, record
from peers.postfix import ACCEPTS, ADDRESSES, LATER, REFUSES, Postfix

OURS = "newsletter.test"
EDITOR = f"editor@{OURS}"
PROJECT = "press"
SOURCES = {"127.0.1.1": "out1.mailloft.test", "127.0.1.2": "out2.mailloft.test"}

READERS = [f"reader{number}@{ACCEPTS}" for number in range(120)]
SLOW = [f"slow{number}@{ACCEPTS}" for number in range(2)]
GHOSTS = [f"ghost{number}@{REFUSES}" for number in range(3)]
GONE = [f"gone{number}@{LATER}" for number in range(3)]
FULL = [f"full{number}@{LATER}" for number in range(2)]
EVERYONE = READERS + SLOW + GHOSTS + GONE + FULL

_SETTINGS = """\
[server]
hostname = "mx.mailloft.test"
[dns]
servers = ["{names}"]
[mx]
port = {mx}
[outbound]
port = {remote}
idle = 1
sources = [{sources}]
[outbound.retry]
campaign = {{ first = 3, longest = 4, lifetime = 120 }}
[storage]
database = "{database}"
"""


@dataclass
class Press:
    """The running world of these tests, and what the campaign came to."""

    appliance: Appliance
    postfix: Postfix
    names: Names
    client: httpx.Client
    password: str = ""
    campaign: str = ""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, path: str, **query: str | int) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.is_success, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, **how: Any) -> Any:
        answer = self.client.post(path, **how)
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def items(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = self.get(path, limit=200, **query)
        while True:
            found += page["items"]
            if page["next"] is None:
                return found
            page = self.get(path, limit=200, cursor=page["next"], **query)

    def recipients(self) -> dict[str, dict[str, Any]]:
        return {row["address"]: row for row in self.items(f"/campaigns/{self.campaign}/recipients")}

    def clients(self) -> dict[str, dict[str, Any]]:
        return {client["address"]: client for client in self.items("/clients")}

    def rating(self, address: str) -> int:
        return int(self.clients()[address]["rating"])


@contextmanager
def running_press(folder: Path, database: str) -> Iterator[Press]:
    """All of it, its campaign sent and everything come back. `database` as in [storage], "" for the default."""
    mx, remote = free_port(), free_port(ADDRESSES[ACCEPTS])
    with ExitStack() as ends:
        postfix = Postfix(remote, ("127.0.0.1", mx))
        ends.callback(postfix.stop)
        postfix.at_gate(dict.fromkeys(SLOW, "450 4.2.0 not now, come back in a moment"))
        full = dict.fromkeys(FULL, "552 5.2.2 mailbox full")
        postfix.behind({**full, LATER: "550 5.1.1 no mailbox by that name is currently available"})
        postfix.start()
        names = Names(folder, _world())
        ends.callback(names.stop)
        sources = ", ".join(f'{{ address = "{address}", ehlo = "{ehlo}" }}' for address, ehlo in SOURCES.items())
        filled = {"names": names.listening, "mx": mx, "remote": remote, "sources": sources, "database": database}
        appliance = Appliance(folder / "appliance", _SETTINGS.format_map(filled))
        appliance.start()
        ends.callback(appliance.stop)
        made = Press(appliance, postfix, names, _project(appliance))
        ends.callback(made.client.close)
        try:
            _prepare(made)
            _send(made)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{appliance.tail()}\n{postfix.log()[-4000:]}") from error
        yield made


def _world() -> Iterator[dict[str, str]]:
    for domain, address in ADDRESSES.items():
        yield dict(record(domain, "MX", f"10 mx.{domain}."))
        yield dict(record(f"mx.{domain}", "A", address))
        yield dict(record(domain, "TXT", f"v=spf1 ip4:{address} -all"))
        yield dict(record(f"mx.{domain}", "TXT", "v=spf1 a -all"))  # DSNs have no reverse-path: SPF asks the EHLO name
        yield dict(record(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject"))
    yield dict(record("mx.mailloft.test", "A", "127.0.0.1"))
    for address, ehlo in SOURCES.items():
        yield dict(record(ehlo, "A", address))


def _project(appliance: Appliance) -> httpx.Client:
    with appliance.api() as operator:
        made = operator.post("/projects", json={"name": PROJECT, "campaigns_allowed": True})
        assert made.status_code == 201, made.text
    return appliance.api(made.json()["api_key"])


def _prepare(press: Press) -> None:
    domain = press.post("/domains", json={"name": OURS})
    press.names.publish(domain["records"])
    with press.appliance.api() as operator:
        states = {"owned": True, "sending": True, "linked": True}
        answer = operator.patch(f"/domains/{OURS}", params={"project": PROJECT}, json=states)
        assert answer.is_success, answer.text
    press.password = press.post("/mailboxes", json={"address": EDITOR, "password": None, "quota_bytes": None})[
        "password"
    ]


def _send(press: Press) -> None:
    """Import, launch, have Postfix take what it deferred, and wait until the last DSN is counted."""
    sender = press.post("/senders", json={"address": EDITOR, "display_name": "Die Redaktion, Tübingen"})["id"]
    audience = press.post("/lists", json={"name": "subscribers"})["id"]
    rows = [f"{address};{address.partition('@')[0].title()};Łódź" for address in EVERYONE]
    sheet = "\n".join(["address;first_name;city", *rows]) + "\n"
    job = press.post(f"/lists/{audience}/imports", content=sheet.encode(), headers={"Content-Type": "text/csv"})
    wait_until(lambda: press.get(f"/imports/{job['id']}")["state"] == "finished", "the import is finished")
    press.campaign = press.post("/campaigns", json=issue(7, 7, sender, audience))["id"]
    press.post(f"/campaigns/{press.campaign}/launch", json={"at": None})
    refused = [f"450 4.2.0 <{address}>" for address in SLOW]
    wait_until(lambda: all(line in press.postfix.log() for line in refused), "Postfix deferred the slow ones", 60)
    # A session of Postfix keeps the tables it began with; ours are idle, and gone, before the next attempt.
    press.postfix.at_gate({})
    states = {"delivered": len(READERS + SLOW), "failed": len(GHOSTS), "bounced": len(GONE + FULL)}

    def counted() -> bool:
        counts = press.get(f"/campaigns/{press.campaign}")["counts"]
        return {name: count for name, count in counts.items() if count} == states

    wait_until(counted, f"the campaign comes to {states}", 90)
    wait_until(lambda: len(press.postfix.delivered()) == len(READERS + SLOW), "Postfix filed them all", 20)
    press.rows = press.recipients()


def reply(press: Press, address: str, text: str) -> swaks.Dialogue:
    """Someone behind later.test writes to the editor, from that host and with TLS."""
    message = (
        f"From: Someone <{address}>\r\nTo: {EDITOR}\r\nSubject: Re: your letter\r\n"
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\r\n"
        f"Message-ID: <{time.time_ns()}@{LATER}>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
    host = ADDRESSES[LATER]
    options = ("--local-interface", host, "--ehlo", f"mx.{LATER}", "--tls")
    mx = ("127.0.0.1", int(press.appliance.ready["mx"]))
    return swaks.send(mx, address, EDITOR, message.encode(), *options)
