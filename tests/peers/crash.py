"""A campaign during which processes are killed: the appliance, slow hosts with a durable book, and the count.

What arrived is counted at the receiving hosts by a token that the importer of the CSV chose for each recipient; the
appliance's tables are asked only whether the campaign goes on. A repeat is allowed where its first copy was in a
killed sender's hands: sent before the kill, not settled, sent again after it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from peers.appliance import Appliance
from peers.hosts import Copy, SlowHosts
from peers.loopback import wait_until
from peers.names import Names, record

ADDRESSES = [f"127.0.9.{number}" for number in range(1, 9)]
DOMAINS = [f"slow{number}.test" for number in range(1, 9)]
CHILDREN = ("mx", "submission", "sender-1", "sender-2", "sorter", "imap-1", "imap-2", "admin", "clock")
PARENT = "parent"
SENDERS = {"sender-1": 1, "sender-2": 1, PARENT: 2}  # how many senders die with it
INFLIGHT = 100  # rows that one sender holds at once
CONNECTIONS = 2  # of one source to one site
DELAY = 0.12  # seconds that a host thinks about each message
UNSETTLED = 2.0  # seconds between a host's 250 and its row's commit, at most; a busy machine included
PROJECT = "crash"
_SETTINGS = """\
[dns]
servers = ["{names}"]
[outbound]
port = {port}
connections = {connections}
sources = [
  {{ address = "127.0.8.1", ehlo = "out1.mailloft.test" }},
  {{ address = "127.0.8.2", ehlo = "out2.mailloft.test" }},
]
[outbound.retry]
campaign = {{ first = 1, longest = 2, lifetime = 300 }}
[limits]
inflight = {inflight}
[storage]
database = "{database}"
"""


@dataclass(frozen=True, slots=True)
class Kill:
    """Between `at` and `done` the process died: on a busy machine whoever kills may stand still in between."""

    process: str
    at: float
    done: float


@dataclass
class Scene:
    """The running world. `kills` in their order, by the wall clock that the book uses too."""

    appliance: Appliance
    hosts: SlowHosts
    key: str
    kills: list[Kill] = field(default_factory=list)
    _sender: str = ""

    def prepare(self, names: Names) -> None:
        with self.appliance.api() as operator:
            self.key = _made(operator, "/projects", json={"name": PROJECT, "campaigns_allowed": True})["api_key"]
            with self.appliance.api(self.key) as api:
                names.publish(_made(api, "/domains", json={"name": "crash.test"})["records"])
                states = {"owned": True, "sending": True, "linked": True}
                operator.patch("/domains/crash.test", params={"project": PROJECT}, json=states).raise_for_status()
                _made(api, "/mailboxes", json={"address": "news@crash.test", "password": None, "quota_bytes": None})
                sender = {"address": "news@crash.test", "display_name": "News"}
                self._sender = _made(api, "/senders", json=sender)["id"]

    def launch(self, name: str, tokens: Sequence[str]) -> str:
        """Import one recipient for each token and launch a campaign to them; its id."""
        with self.appliance.api(self.key) as api:
            audience = _made(api, "/lists", json={"name": name})["id"]
            rows = "".join(f"r{token}@{DOMAINS[at % len(DOMAINS)]};{token}\n" for at, token in enumerate(tokens))
            job = _made(api, f"/lists/{audience}/imports", content=f"address;token\n{rows}".encode())["id"]
            wait_until(lambda: api.get(f"/imports/{job}").json()["state"] == "finished", "the import", 300)
            body = {
                "name": name, "sender": self._sender, "list": audience, "subject": "Letter token={{ token }}",
                "html": "<p>Good morning, {{ token }}!</p>", "text": None, "defaults": {}, "attachments": [],
                "pool": "mailings",
            }  # fmt: skip
            campaign = _made(api, "/campaigns", json=body)["id"]
            assert api.post(f"/campaigns/{campaign}/launch", json={"at": None}).is_success
        return str(campaign)

    def kill(self, process: str) -> None:
        """kill -9; the parent is started again at once, a child by its parent."""
        if process == PARENT:
            at = time.time()
            self.appliance.kill_parent()
            self.kills.append(Kill(process, at, time.time()))
            self.appliance.start()
        else:
            pid = self.appliance.pid_of(process)
            at = time.time()
            os.kill(pid, signal.SIGKILL)
            self.kills.append(Kill(process, at, time.time()))

    def counts(self, campaign: str) -> dict[str, int] | None:
        """The campaign's counts, None while the admin process cannot be asked."""
        try:
            with self.appliance.api(self.key) as api:
                found = api.get(f"/campaigns/{campaign}").json()
        except httpx.HTTPError:
            return None
        return {name: count for name, count in found["counts"].items() if count} | {found["state"]: -1}

    def finished(self, campaign: str) -> bool:
        return "finished" in (self.counts(campaign) or {})

    def wait_for_copies(self, count: int, seconds: float) -> None:
        wait_until(lambda: len(self.hosts.arrived()) >= count, f"{count} messages have arrived", seconds)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the books say of one campaign. `unexplained`: repeats that no kill of a sender explains."""

    arrived: set[str]
    repeats: int
    unexplained: list[str]
    unlike: list[str]  # tokens whose copies are not the same message
    by_kill: dict[int, int]  # repeats by the kill that they follow


def tally(copies: Sequence[Copy], kills: Sequence[Kill]) -> Tally:
    by_token: dict[str, list[Copy]] = defaultdict(list)
    for copy in copies:
        by_token[copy.token].append(copy)
    unexplained, unlike = [], []
    by_kill: dict[int, int] = defaultdict(int)
    for token, taken in by_token.items():
        if len({(copy.recipient, copy.message_id) for copy in taken}) != 1:
            unlike.append(token)
        for first, second in zip(taken, taken[1:], strict=False):
            found = _explains(kills, first.at, second.at)
            if found is None:
                unexplained.append(token)
            else:
                by_kill[found] += 1
    repeats = sum(len(taken) - 1 for taken in by_token.values())
    return Tally(set(by_token), repeats, unexplained, unlike, dict(by_kill))


def _explains(kills: Sequence[Kill], first: float, second: float) -> int | None:
    """The kill of a sender that the first copy came so shortly before that it was not settled; None without one."""
    for number, kill in enumerate(kills):
        # What the kernel has when its process dies still arrives, so a first copy may be a moment younger.
        if kill.process in SENDERS and kill.at - DELAY - UNSETTLED < first < kill.done + 0.1 and second > kill.at:
            return number
    return None


@contextmanager
def running_scene(
    folder: Path, database: str = "", *, delay: float = DELAY, connections: int = CONNECTIONS
) -> Iterator[Scene]:
    """`database` as in [storage], "" for SQLite in the appliance's folder; `delay` at most DELAY."""
    with ExitStack() as ends:
        hosts = ends.enter_context(SlowHosts(folder / "book", ADDRESSES, delay))
        zone = [
            record(host, kind, value)
            for domain, address in zip(DOMAINS, ADDRESSES, strict=True)
            for host, kind, value in ((domain, "MX", f"10 mx.{domain}."), (f"mx.{domain}", "A", address))
        ]
        names = Names(folder / "names", zone)
        ends.callback(names.stop)
        filled = {
            "names": names.listening, "port": hosts.port, "connections": connections, "inflight": INFLIGHT,
            "database": database,
        }  # fmt: skip
        appliance = Appliance(folder / "appliance", _SETTINGS.format_map(filled))
        ends.callback(appliance.stop)
        appliance.start()
        scene = Scene(appliance, hosts, "")
        scene.prepare(names)
        yield scene


def _made(api: httpx.Client, path: str, **how: Any) -> Any:
    answer = api.post(path, **how)
    assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
    return answer.json()
