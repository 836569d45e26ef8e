"""The queue and who empties it: how long due mail waits, senders that live, arrivals that nobody has read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from admin.doctor.finding import Finding, Premises, Verdict
from store import arrivals, flows, workers

_LONG: Final = timedelta(minutes=10)
_TOO_LONG: Final = timedelta(hours=1)


def look(premises: Premises) -> Iterator[Finding]:
    with premises.office.read() as core:
        due, living = flows.longest_due(core, premises.now), workers.alive(core, "sender", premises.now)
    yield _age(
        "queue", "mail that is due", premises.now - due if due else timedelta(0), "`mailloft queue qshape` says where."
    )
    wanted = premises.office.settings.outbound.workers
    if living < wanted:
        yield Finding(
            "queue", "senders", Verdict.WRONG, f"{living} of {wanted} live", "Start them, or read their logs."
        )
    else:
        yield Finding("queue", "senders", Verdict.OK, f"{living} live")
    with premises.office.stores.mail.database.read() as mail:
        _, arrived = arrivals.backlog(mail)
    yield _age(
        "sorter", "mail that came in", premises.now - arrived if arrived else timedelta(0), "Read the sorter's log."
    )


def _age(check: str, what: str, age: timedelta, mend: str) -> Finding:
    verdict = Verdict.OK if age < _LONG else Verdict.WARNING if age < _TOO_LONG else Verdict.WRONG
    told = f"the oldest waits for {age.total_seconds() / 60:.0f} minutes" if age else "none waits"
    return Finding(check, what, verdict, told, "" if verdict is Verdict.OK else mend)
