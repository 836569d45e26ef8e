"""The story of the demo, told through the appliance's ports: history, people who come back, the issue to everybody.

lab/demo.py starts world and appliance and calls `prepare` and `tell`. Import some clients and send them an issue,
which gives some a history; some come back by writing; then import all and send the next issue; wait for what comes
back late. Raises ApplianceError where the appliance breaks its contract.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, Final

from lab.appliance import Api, ApplianceError, Doors, letters
from lab.newsletter import issue, readers
from lab.reckoning import ALIVE, AUTOMATIC, Account, Figures, Row, Sent, disagreements, reckoned
from lab.screen import Screen
from lab.world import RunningWorld
from lab.zone import Record

DOMAIN: Final = "longtable.test"
SENDER: Final = f"hello@{DOMAIN}"
MX: Final = "mx.mailloft.test"
SOURCES: Final = {"127.0.0.11": "out1.mailloft.test", "127.0.0.12": "out2.mailloft.test"}
FIRST, SECOND = 41, 42  # the issues
Id = str | int  # as the appliance likes it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demo comes to."""

    figures: Figures
    disagreements: list[str]

    def good(self) -> bool:
        """Whether nothing is lost, nobody wrongly blocked, and the sums agree."""
        return not (self.disagreements or self.figures.lost or self.figures.ratings.wrongly_blocked)


@dataclass(slots=True)
class Story:
    """One run against an appliance that answers: its doors, its project's key, and how far it is."""

    world: RunningWorld
    doors: Doors
    screen: Screen
    patience: float
    veterans: int
    api: Api
    password: str = ""
    sender: Id = ""
    campaigns: list[tuple[int, Id, float]] = field(default_factory=list)  # issue, id, launched at
    ratings: dict[str, dict[str, int]] = field(default_factory=dict)
    audience: Id = ""

    def tell(self) -> Outcome:
        """All of it."""
        begun, people = time.monotonic(), self.world.world.people
        self._import("first readers", readers(people[: self.veterans]))
        self.ratings["first imported"] = self._ratings()
        self._send(FIRST)
        self._settle("what comes back after the first issue")
        self.world.chapter(1, write_to=SENDER)
        self._settle("letters of people who are back")
        self._import("everyone", readers(people))
        self.ratings["before the second issue"] = self._ratings()
        self._send(SECOND)
        account = self._with_revived(self._settle("what comes back after the second issue"))
        self.ratings["after it"] = dict(account.ratings)
        books = self.world.entries()
        figures = reckoned(self.world.world, account, books, time.monotonic() - begun)
        self.screen.results(figures, account.campaigns, self.ratings, sorted(account.revived), books)
        return Outcome(figures, disagreements(account, books))

    def prepare(self, operator: Api) -> None:
        """Domain, its records, its states by the operator's hand, mailbox, sender."""
        domain = self.api.post("/domains", {"name": DOMAIN})
        self.world.publish([*_records_of(domain), *_own_records()])
        operator.patch(f"/domains/{DOMAIN}", {"owned": True, "sending": True, "linked": True})
        self.password = str(self.api.post("/mailboxes", {"address": SENDER, "password": "long-table-2026"})["password"])
        made = self.api.post("/senders", {"address": SENDER, "display_name": "The Long Table — Łucja & Søren"})
        self.sender = made["id"]

    def _import(self, name: str, sheet: bytes) -> None:
        self.audience = self.api.post("/lists", {"name": name})["id"]
        job = self.api.upload(f"/lists/{self.audience}/imports", sheet)

        def look() -> tuple[bool, int, str]:
            state = self.api.get(f"/imports/{job['id']}")
            if state["state"] == "failed":
                raise ApplianceError(f"the import of {name} failed: {state['reason']}")
            return state["state"] == "finished", int(state["bytes_read"]), f"{state['rows']} rows"

        if words := self._watch(f"import of {name}", len(sheet), look):
            raise ApplianceError(words)

    def _send(self, number: int) -> None:
        """Make a campaign, launch it, watch it to its end; one that finds no end goes into the figures as it is."""
        body = issue(number, self.world.world.seed, self.sender, self.audience)
        campaign = self.api.post("/campaigns", body)["id"]
        self.campaigns.append((number, campaign, time.time()))
        self.api.post(f"/campaigns/{campaign}/launch", {})

        def look() -> tuple[bool, int, str]:
            state = self.api.get(f"/campaigns/{campaign}")
            if state["state"] in ("cancelled", "paused"):
                raise ApplianceError(f"the campaign is {state['state']}: {state}")
            counts, sums = state["counts"], self.world.sums()
            ended = sum(int(many) for name, many in counts.items() if name not in ("queued", "inflight", "held"))
            word = (
                f"delivered {counts['delivered']}, deferrals {sums['deferred']}, sent back {sum(sums['back'].values())}"
            )
            return state["state"] == "finished", ended, word

        recipients = int(self.api.get(f"/campaigns/{campaign}")["recipients"])
        if words := self._watch(f"issue {number}", recipients, look):
            print(words, file=sys.stderr)

    def _watch(self, title: str, total: int, look: Callable[[], tuple[bool, int, str]]) -> str:
        """Look until it is done; words to say when patience ran out, else ""."""
        until = time.monotonic() + self.patience
        with self.screen.bar(title, total) as moved:
            while True:
                done, far, word = look()
                moved(far, word)
                if done:
                    return ""
                if time.monotonic() > until:
                    return f"{title}: not done after {self.patience:.0f} s ({far} of {total}; {word})"
                time.sleep(0.25)

    def _settle(self, title: str) -> Account:
        """Wait until all that comes back is sent and counted; what disagrees after 30 s, disagrees."""
        until = time.monotonic() + 30.0
        with self.screen.bar(title, 1) as moved:
            while True:
                waiting = int(self.world.sums()["waiting"])
                account = self._account()
                open_points = disagreements(account, self.world.entries())
                moved(0, f"{waiting} mails on the way, {len(open_points)} figures open")
                if (not waiting and not open_points) or time.monotonic() > until:
                    moved(1, f"{len(open_points)} figures open")
                    return account
                time.sleep(0.5)

    def _account(self) -> Account:
        found = letters(self.doors, SENDER, self.password)
        return Account(
            campaigns=tuple(self._sent(*campaign) for campaign in self.campaigns),
            ratings=self._ratings(),
            revived=frozenset(),
            replies=frozenset(one.message_id for one in found if not one.automatic),
        )

    def _with_revived(self, account: Account) -> Account:
        """The account with who came back; a call for each client rated 10, so only at the end."""
        clients = self.api.pages("/clients", list=self.audience)
        revived = [str(one["address"]) for one in clients if one["rating"] == ALIVE and self._came_back(str(one["id"]))]
        return replace(account, revived=frozenset(revived))

    def _ratings(self) -> dict[str, int]:
        clients = self.api.pages("/clients", list=self.audience)
        return {str(client["address"]): int(client["rating"]) for client in clients}

    def _came_back(self, client: str) -> bool:
        history = self.api.get(f"/clients/{client}")["rating_history"]
        return any(int(one["before"]) < AUTOMATIC and int(one["after"]) == ALIVE for one in history)

    def _sent(self, number: int, campaign: Id, launched_at: float) -> Sent:
        rows = tuple(
            Row(str(one["address"]), str(one["state"]), str(one["reason"] or ""), str(one["source"] or ""))
            for one in self.api.pages(f"/campaigns/{campaign}/recipients")
        )
        deferrals = int(self.api.get(f"/campaigns/{campaign}/report")["deferrals"])
        return Sent(number, rows, deferrals, launched_at)


def _records_of(domain: dict[str, Any]) -> Iterator[Record]:
    """What the appliance asks to publish for the domain."""
    for record in domain["records"]:
        yield Record(str(record["host"]), str(record["type"]), str(record["value"]))


def _own_records() -> Iterator[Record]:
    """What the operator of an appliance publishes for the machine itself: MX host, sources, their names."""
    yield Record(MX, "A", "127.0.0.1")
    for address, name in SOURCES.items():
        yield Record(name, "A", address)
        yield Record(name, "TXT", "v=spf1 a -all")
        yield Record(ip_address(address).reverse_pointer, "PTR", f"{name}.")
