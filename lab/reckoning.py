"""What happened, reckoned from two sides: the appliance's own account and the world's books.

Pure. lab/demo.py asks the appliance for an `Account`, reads the books and calls `reckoned`. `Figures` is what
`demo --json` prints; `disagreements` says, one line each, where the two sides do not fit. The second campaign is what
the recipients' figures are of; lost and duplicates are of both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.header import decode_header, make_header
from typing import Final

from lab.books import Entry, Refused, SentBack, Taken
from lab.description import World
from lab.tempers import Cause, Comeback

AUTOMATIC: Final = 7  # the rating of an imported client
ALIVE: Final = 10
BLOCKED: Final = 1
_FINAL: Final = ("delivered", "bounced", "failed", "expired", "suppressed", "cancelled")
_HELD: Final = ("delivered", "bounced")


@dataclass(frozen=True, slots=True)
class Row:
    """One recipient of a campaign, as the appliance tells it."""

    address: str
    state: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One campaign, as the appliance tells it; `number` is what its subject says to the books."""

    number: int
    rows: tuple[Row, ...]
    deferrals: int
    launched_at: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Account:
    """All that the appliance tells at the end; `revived` are the addresses raised to 10 from below 7."""

    campaigns: tuple[Sent, ...]
    ratings: Mapping[str, int]
    revived: frozenset[str]
    replies: frozenset[str]  # Message-IDs of the mails in the mailbox that people wrote


@dataclass(frozen=True, slots=True)
class Ratings:
    """Clients by what happened to their rating: 1, 1 without cause, 2 to 6, raised to 10 from below 7."""

    blocked: int
    wrongly_blocked: int
    lowered: int
    revived: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The object of `demo --json`, in its order."""

    clients: int
    delivered: int
    failed: int
    expired: int
    suppressed: int
    bounced: Mapping[str, int]
    lost: int
    duplicates: int
    ratings: Ratings
    replies_in_mailbox: int
    seconds: float
    messages_per_second: float
    sources: Mapping[str, int]


def reckoned(world: World, account: Account, books: Sequence[Entry], seconds: float) -> Figures:
    """The figures. `seconds` is how long all of it took."""
    last = account.campaigns[-1]
    states = Counter(row.state for row in last.rows)
    taken = [entry for entry in books if isinstance(entry, Taken)]
    return Figures(
        clients=len(last.rows),
        delivered=sum(states[state] for state in _HELD),
        failed=states["failed"],
        expired=states["expired"],
        suppressed=states["suppressed"],
        bounced=dict(sorted(Counter(row.reason for row in last.rows if row.state == "bounced").items())),
        lost=sum(_lost(sent, taken) for sent in account.campaigns),
        duplicates=sum(entry.copy > 1 for entry in taken),
        ratings=_ratings(world, account, books),
        replies_in_mailbox=len(account.replies),
        seconds=round(seconds, 1),
        messages_per_second=round(_pace(books, last), 1),
        sources=dict(sorted(Counter(one.source for one in _first_copies(taken, last.number)).items())),
    )


def disagreements(account: Account, books: Sequence[Entry]) -> list[str]:
    """Where the appliance's account and the books do not fit; empty when all does."""
    return [
        *(line for sent in account.campaigns for line in _rows_disagree(sent, books)),
        *_replies_disagree(account, books),
        *_ratings_disagree(account, books),
    ]


def expected_ratings(books: Iterable[Entry]) -> dict[str, int]:
    """The rating of everybody about whom something was said, by the rules of ratings, in the books' order.

    A refused or deferred mail counts once, by the last that was said of it, unless a host took it in the end.
    """
    ratings: defaultdict[str, int] = defaultdict(lambda: AUTOMATIC)
    for address, cause in _said(list(books)):
        if cause in (Cause.UNKNOWN.value, Cause.SUSPENDED.value, Comeback.COMPLAINT.value):
            ratings[address] = BLOCKED
        elif cause in (Cause.FULL.value, Cause.FULL_NOW.value):
            ratings[address] = max(ratings[address] - 1, BLOCKED)
        elif cause in (Comeback.REPLY.value, Comeback.LETTER.value):
            ratings[address] = ALIVE
    return dict(ratings)


def _said(books: list[Entry]) -> Iterable[tuple[str, str]]:
    """(address, what was finally said of them), in order of time."""
    taken = {(entry.recipient, entry.reverse_path) for entry in books if isinstance(entry, Taken)}
    last: dict[tuple[str, str], Refused] = {}
    for entry in books:
        if isinstance(entry, Refused) and (entry.recipient, entry.reverse_path) not in taken:
            last[entry.recipient, entry.reverse_path] = entry
    refused = [(entry.at, entry.recipient, entry.cause) for entry in last.values()]
    back = [
        (entry.at, entry.person, entry.cause if entry.kind == Comeback.DSN.value else entry.kind)
        for entry in books
        if isinstance(entry, SentBack) and entry.code == 250
    ]
    return [(address, cause) for _at, address, cause in sorted(refused + back)]


def _rows_disagree(sent: Sent, books: Sequence[Entry]) -> Iterable[str]:
    """Each host's mail must be a delivered row, and each failing DSN a bounced one."""
    states = {row.address: row.state for row in sent.rows}
    held = [entry for entry in books if isinstance(entry, Taken) and _is_of(entry.subject, sent.number)]
    for entry in held:
        if states.get(entry.recipient) not in _HELD:
            yield f"issue {sent.number}: {entry.recipient} is {states.get(entry.recipient)}, {entry.host} holds it"
    mails = {entry.message_id for entry in held}
    for report in _back(books, Comeback.DSN):
        if report.about in mails and states.get(report.person) != "bounced":
            yield f"issue {sent.number}: {report.person} is {states.get(report.person)}, a DSN took it back"
    reported = {report.person for report in _back(books, Comeback.DSN) if report.about in mails}
    for row in sent.rows:
        if row.state == "bounced" and row.address not in reported:
            yield f"issue {sent.number}: {row.address} is bounced, no DSN was sent"
        if row.state not in _FINAL:
            yield f"issue {sent.number}: {row.address} is {row.state}, no final state"
    if len(states) != len(sent.rows):
        yield f"issue {sent.number}: {len(sent.rows)} rows for {len(states)} addresses"


def _replies_disagree(account: Account, books: Sequence[Entry]) -> Iterable[str]:
    sent = {entry.message_id: entry for kind in (Comeback.REPLY, Comeback.LETTER) for entry in _back(books, kind)}
    for missing in sorted(sent.keys() - account.replies):
        yield f"the reply {missing} of {sent[missing].person} was accepted and is not in the mailbox"
    for extra in sorted(account.replies - sent.keys()):
        yield f"the mailbox holds {extra}, nobody wrote it"


def _ratings_disagree(account: Account, books: Sequence[Entry]) -> Iterable[str]:
    expected = expected_ratings(books)
    for address, rating in account.ratings.items():
        if rating != expected.get(address, AUTOMATIC):
            yield f"{address} is rated {rating}; by what hosts and people said it is {expected.get(address, AUTOMATIC)}"


def _ratings(world: World, account: Account, books: Sequence[Entry]) -> Ratings:
    complained = {entry.person for entry in _back(books, Comeback.COMPLAINT)}
    innocent = {person.address for person in world.people if person.exists()} - complained
    blocked = {address for address, rating in account.ratings.items() if rating == BLOCKED}
    return Ratings(
        blocked=len(blocked),
        wrongly_blocked=len(blocked & innocent),
        lowered=sum(BLOCKED < rating < AUTOMATIC for rating in account.ratings.values()),
        revived=len(account.revived),
    )


def _lost(sent: Sent, taken: Sequence[Taken]) -> int:
    """Rows without a final state, and delivered rows that no host holds."""
    held = {entry.recipient for entry in _first_copies(taken, sent.number)}
    return sum(row.state not in _FINAL or (row.state in _HELD and row.address not in held) for row in sent.rows)


def _first_copies(taken: Sequence[Taken], number: int) -> list[Taken]:
    return [entry for entry in taken if entry.copy == 1 and _is_of(entry.subject, number)]


def _pace(books: Sequence[Entry], sent: Sent) -> float:
    """Recipients a second from the launch until each had a first answer, whatever it was."""
    asked = {row.address for row in sent.rows if row.state != "suppressed"}
    first: dict[str, float] = {}
    for entry in books:
        if isinstance(entry, Taken | Refused) and entry.at >= sent.launched_at and entry.recipient in asked:
            first.setdefault(entry.recipient, entry.at)
    span = max(first.values(), default=0.0) - sent.launched_at
    return len(first) / span if span > 0 else 0.0


def _is_of(subject: str, number: int) -> bool:
    return f"Nº {number} " in str(make_header(decode_header(subject)))


def _back(books: Iterable[Entry], kind: Comeback) -> list[SentBack]:
    """What was sent back of that kind and accepted."""
    return [entry for entry in books if isinstance(entry, SentBack) and entry.kind == kind.value and entry.code == 250]
