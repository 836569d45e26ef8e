"""/operator/overview: what of the whole machine needs the operator first, the gravest on top; then its queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from fastapi import APIRouter, Response

from admin import examining
from admin.acts import connections
from admin.doctor.finding import Verdict
from admin.pages import doctor_words
from admin.pages.attention import Attention, tripped
from admin.pages.visit import Operating, Visit
from policy.lifecycle import State
from policy.shaping import Action
from store import domains, flows, queue_view, reactions

_PROMISED: Final = timedelta(hours=24)  # PRODUCT S1: a request is decided within that
_SHOWN: Final = 20  # of one kind
_GRAVE: Final = {Verdict.WRONG: True, Verdict.WARNING: False}

router = APIRouter(include_in_schema=False)


@router.get("/operator/overview")
def show(visit: Operating) -> Response:
    now = visit.office.now()
    with visit.office.read() as connection:
        totals, oldest = flows.totals(connection), flows.longest_due(connection, now)
    queued, held = (sum(one[at] for one in totals.values()) for at in (0, 1))
    needs = [
        *_found(visit),
        *islice(tripped(visit, None, "/p/{}"), _SHOWN),
        *_requests(visit, now),
        *_domains(visit),
        *_rests(visit, now),
        *_held(visit),
    ]
    shown = {
        "needs": sorted(needs, key=lambda one: not one.grave),
        "examined": examining.last_of(visit.office.folder),
        "queued": queued, "held": held, "oldest": oldest,
    }  # fmt: skip
    return visit.page("machine.html", shown)


def _found(visit: Visit) -> Iterator[Attention]:
    """What the doctor found at its last round: queue age, senders, certificates, disk, backups and the rest."""
    examined = examining.last_of(visit.office.folder)
    for one in examined.findings if examined else ():
        if one.verdict in _GRAVE:
            said = doctor_words.finding(visit.words.language, one)
            yield Attention("doctor", "/operator/doctor", f"{said.check}: {said.what}", said.told, _GRAVE[one.verdict])


def _requests(visit: Visit, now: datetime) -> Iterator[Attention]:
    for one in connections.moderated(visit.office)[:_SHOWN]:
        waits = str(visit.words.ago(one.created_at, now))
        yield Attention("request", "/operator/moderation", one.name, waits, now - one.created_at > _PROMISED)


def _domains(visit: Visit) -> Iterator[Attention]:
    with visit.office.read() as connection:
        rows = domains.owned_but_unable(connection, _SHOWN)
    for one in rows:
        yield Attention("domain", f"/p/{one.project}/domains/{one.name}", one.name, grave=False)


def _rests(visit: Visit, now: datetime) -> Iterator[Attention]:
    with visit.office.read() as connection:
        rows = reactions.holding(connection, now)
    for one in rows[:_SHOWN]:
        where = f"{one.source or '*'} → {one.site or '*'}"
        does = str(visit.words.named("addresses.does", one.action.value))
        yield Attention("rest", "/operator/addresses", where, does, one.action is Action.REST)


def _held(visit: Visit) -> Iterator[Attention]:
    """Where each project's is seen and let go."""
    with visit.office.read() as connection:
        rows = queue_view.holding(connection, _SHOWN)
    for one in rows:
        words = str(visit.words.n("machine.holds", one.held))
        yield Attention("held", f"/p/{one.project}/queue?state={State.HELD.value}", one.name, words, grave=False)
