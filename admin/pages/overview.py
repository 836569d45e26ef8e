"""/p/PROJECT: what needs attention first, then what runs and how deliveries went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Response

from admin.acts import campaigns, clients, conversation_list, domains, journey, lists
from admin.acts import senders as acts_senders
from admin.acts.campaigns import CampaignLine
from admin.acts.journey import FlowView
from admin.acts.pages import Window
from admin.pages import attention, reason_words
from admin.pages.attention import Attention
from admin.pages.visit import Viewer, Visit
from store import breakers, senders
from store import campaigns as kept_campaigns
from store.campaigns import CampaignState
from store.columns import EPOCH

_DAYS: Final = 7
_RECENT: Final = 20
_OLD: Final = timedelta(hours=4)  # what is due for so long waits for a reason

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}")
def show(visit: Viewer) -> Response:
    now = visit.office.now()
    recent = campaigns.page(visit.office, visit.here, Window(limit=_RECENT)).items
    running = [one for one in recent if one.state == CampaignState.RUNNING.value]
    flows = journey.queue(visit.office, visit.here, None, None, None)
    with visit.office.read() as connection:
        hours = breakers.by_hour(connection, "project", visit.here, now - timedelta(days=_DAYS))
    shown = {
        "attention": [
            *_domains(visit),
            *_senders(visit),
            *attention.tripped(visit, visit.here),
            *_paused(visit),
            *_late(visit, flows, running, now),
            *_conversations(visit),
        ],
        "running": [campaigns.get(visit.office, visit.here, one.id) for one in running],
        "queued": sum(one.queued for one in flows),
        "held": sum(one.held for one in flows),
        "hours": hours,
        "sent": sum(one.sent for one in hours.values()),
        "bounced": sum(one.bounced for one in hours.values()),
        "complained": sum(one.complained for one in hours.values()),
        "days": _DAYS,
        "empty": not recent and not hours,
        "steps": _steps(visit),
    }
    return visit.page("overview.html", shown)


def _domains(visit: Visit) -> list[Attention]:
    items = domains.page(visit.office, visit.here, Window(limit=_RECENT)).items
    return [Attention("domain", f"/domains/{one.name}", one.name) for one in items if not one.sending]


def _senders(visit: Visit) -> list[Attention]:
    with visit.office.read() as connection:
        rows = senders.page(connection, visit.here, 0, _RECENT)
    return [Attention("sender", "/senders", one.address, grave=False) for one in rows if not one.authorised]


def _paused(visit: Visit) -> list[Attention]:
    with visit.office.read() as connection:
        rows = kept_campaigns.in_state(connection, visit.here, CampaignState.PAUSED, _RECENT)
    language = visit.words.language
    return [
        Attention(
            "paused", f"/campaigns/{one.id}", one.name, reason_words.told(language, one.state_reason or ""), False
        )
        for one in rows
    ]


def _late(visit: Visit, flows: Sequence[FlowView], running: Sequence[CampaignLine], now: datetime) -> list[Attention]:
    """The oldest due time among what may be sent; a flow that just grew has none yet (store/flows.py)."""
    going = {one.id for one in running}
    due = [
        flow.next_due
        for flow in flows
        if flow.queued and flow.next_due > EPOCH and (flow.stream != "campaign" or flow.stream_id in going)
    ]
    if not due or now - min(due) < _OLD:
        return []
    return [Attention("queue", "/queue", str(visit.words.ago(min(due), now)))]


def _conversations(visit: Visit) -> list[Attention]:
    count = conversation_list.waiting(visit.office, visit.here)
    words = str(visit.words.n("overview.conversations", count))
    return [Attention("conversation", "/conversations", words, grave=False)] if count else []


def _steps(visit: Visit) -> list[tuple[str, str, bool]]:
    """The way of a new project: key, path, done."""
    office, project = visit.office, visit.here
    first = Window(limit=1)
    return [
        ("domain", "/domains", any(one.sending for one in domains.page(office, project, Window(limit=_RECENT)).items)),
        ("sender", "/senders", bool(acts_senders.page(office, project, first).items)),
        ("list", "/lists", bool(lists.page(office, project, first).items)),
        ("client", "/lists", bool(clients.page(office, project, None, first).items)),
        ("campaign", "/campaigns", bool(campaigns.page(office, project, first).items)),
    ]
