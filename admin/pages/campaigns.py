"""Campaigns in three steps - recipients, message, sending - then live progress and the report (PRODUCT K1-K7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from admin.acts import campaign_draft, campaign_sending, campaigns, lists, segments, senders
from admin.acts.campaign_about import about
from admin.acts.campaign_draft import Draft
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.office import Office
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import ConflictError, InvalidError, NotFoundError, RefusedError
from store import breakers
from store.campaign_content import Content
from store.campaigns import CampaignState, Sending
from store.columns import EPOCH
from store.segment_query import Size

_OFFERED: Final = 200
_SENDING: Final = (
    "sender name",
    "interval",
    "parts",
    "pause between parts",
    "pause",
    "times of the parts",
    "at",
    "pool",
)
_AMOUNT: Final = re.compile(r"\d{1,6}(\.\d{1,3})?")
EVERYBODY: Final = "all"  # in place of a list
OPEN: Final = (CampaignState.RUNNING.value, CampaignState.PAUSED.value, CampaignState.SCHEDULED.value)
_ACTS: Final[dict[str, Callable[[Office, int, int], Any]]] = {
    "pause": campaigns.pause,
    "resume": campaigns.resume,
    "cancel": campaigns.cancel,
}

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/campaigns")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return visit.page("campaigns.html", {"found": campaigns.page(visit.office, visit.here, window)})


@router.get("/p/{project}/campaigns/new")
def ask(visit: Member) -> Response:
    return _recipients(visit, None, Form())


@router.post("/p/{project}/campaigns")
def create(visit: Member, form: Filled) -> Response:
    name = form.get("name").strip()
    try:
        content = Content(name or "-", "", None, {}, ())
        draft = Draft(name, form.number("sender"), _list(form), "mailings", content, segment=_segment(form))
        made = campaigns.create(visit.office, visit.here, draft)
    except RefusedError as error:
        return _recipients(visit, None, form.failed(error, ("campaign name", "sender", "list")))
    return visit.done("campaign.create", thing("campaign", made.id, made.name), f"/campaigns/{made.id}/message")


@router.get("/p/{project}/campaigns/{campaign}/recipients")
def show_recipients(visit: Member, campaign: int) -> Response:
    return _recipients(visit, campaign, Form())


@router.post("/p/{project}/campaigns/{campaign}/recipients")
def save_recipients(visit: Member, campaign: int, form: Filled) -> Response:
    old = campaigns.draft_of(visit.office, visit.here, campaign)
    try:
        sender, segment = form.number("sender"), _segment(form)
        draft = replace(old, name=form.get("name"), sender=sender, list=_list(form), segment=segment)
        campaigns.edit(visit.office, visit.here, campaign, draft)
    except RefusedError as error:
        return _recipients(visit, campaign, form.failed(error, ("campaign name", "sender", "list")))
    return visit.done(
        "campaign.edit", thing("campaign", campaign, draft.name), f"/campaigns/{campaign}/message", "saved"
    )


def _list(form: Form) -> int | None:
    """None: all clients of the project, which is a choice of its own."""
    return None if form.get("list") == EVERYBODY else form.number("list")


def _segment(form: Form) -> int | None:
    return form.number("segment") if form.get("segment") else None


@router.get("/p/{project}/campaigns/reach")
def show_reach(
    visit: Member,
    chosen: Annotated[str, Query(alias="list", max_length=20)] = EVERYBODY,
    segment: Annotated[str, Query(max_length=20)] = "",
    exact: bool = False,
) -> Response:
    """The part of a page that says how many get it: about so many at once, then exactly."""
    form = Form({"list": chosen, "segment": segment})
    size = campaign_draft.reach(visit.office, visit.here, _list(form), _segment(form), exact=exact)
    shown = {"size": size, "chosen": chosen, "segment": segment, "asks": not size.exact, "swaps": False}
    return visit.page("campaign_reach.html", shown)


@router.get("/p/{project}/campaigns/{campaign}/sending")
def show_sending(visit: Member, campaign: int) -> Response:
    return _sending(visit, campaign, Form())


@router.get("/p/{project}/campaigns/{campaign}/gate")
def show_gate(visit: Viewer, campaign: int) -> Response:
    """The part of the page that says whether it may be launched."""
    failing, recipients = campaigns.judged(visit.office, visit.here, campaign)
    size = Size(recipients, exact=True)
    return visit.page("campaign_gate.html", {"failing": failing, "size": size, "swaps": True})


@router.post("/p/{project}/campaigns/{campaign}/launch")
def launch(visit: Member, campaign: int, form: Filled) -> Response:
    """Saved first, so that a refused launch loses nothing; `then` "save" is all of it."""
    try:
        old = campaigns.draft_of(visit.office, visit.here, campaign)
        _check_pool(visit, form.get("pool"))
        wanted = replace(old, pool=form.get("pool"), sending=_sending_of(form))
        if wanted != old:
            campaigns.edit(visit.office, visit.here, campaign, wanted)
        if form.get("then") == "save":
            named = thing("campaign", campaign, old.name)
            return visit.done("campaign.edit", named, f"/campaigns/{campaign}/sending", "saved")
        launched = campaigns.launch(visit.office, visit.here, campaign, _moment(form))
    except RefusedError as error:
        return _sending(visit, campaign, form.failed(error, _SENDING), judged=True)
    named = thing("campaign", campaign, wanted.name)
    return visit.done(f"campaign.{launched.state}", named, f"/campaigns/{campaign}", f"campaign_{launched.state}")


def _check_pool(visit: Visit, pool: str) -> None:
    if pool not in _pools(visit.office):
        raise InvalidError("pool: choose one of the pools")


def _sending_of(form: Form) -> Sending:
    """Raises InvalidError naming the field."""
    at_times = form.get("follow") == "times"
    every = timedelta(minutes=0 if at_times else _amount(form, "pause", "0"))
    return campaign_sending.asked(
        form.get("from_name"), timedelta(seconds=_amount(form, "interval", "0")),
        int(_amount(form, "parts", "1")), every, _times(form) if at_times else (),
        history=form.get("history") == "yes",
    )  # fmt: skip


def _times(form: Form) -> list[datetime]:
    """When each part behind the first begins; fields that were left empty at the end are no parts."""
    pairs = zip_longest(form.all("part_at"), form.all("part_at_local"), fillvalue="")
    given = [moment or local for moment, local in pairs]
    while given and not given[-1].strip():
        given.pop()
    try:
        return [_read(one) for one in given]
    except ValueError as error:
        raise InvalidError("times of the parts: choose a day and a time for each") from error


def _amount(form: Form, name: str, default: str) -> float:
    text = (form.get(name).strip() or default).replace(",", ".")
    if not _AMOUNT.fullmatch(text):
        raise InvalidError(f"{name}: a number")
    return float(text)


def _moment(form: Form) -> datetime | None:
    """What a datetime-local field gives, made UTC by the page's script; without it, UTC is meant. None: now."""
    if form.get("when") != "later":
        return None
    try:
        return _read(form.get("at").strip() or form.get("at_local"))
    except ValueError as error:
        raise InvalidError("at: choose a day and a time") from error


def _read(text: str) -> datetime:
    """Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@router.post("/p/{project}/campaigns/{campaign}/{act}")
def move(visit: Member, campaign: int, act: str, _: Filled) -> Response:
    if act not in _ACTS:
        raise NotFoundError("there is no such page")
    moved = _ACTS[act](visit.office, visit.here, campaign)
    return visit.done(
        f"campaign.{act}", thing("campaign", campaign, moved.name), f"/campaigns/{campaign}", f"campaign_{act}"
    )


@router.get("/p/{project}/campaigns/{campaign}")
def show(visit: Viewer, campaign: int, window: InWindow) -> Response:
    found = campaigns.get(visit.office, visit.here, campaign)
    if found.state == CampaignState.DRAFT.value and visit.may("member"):
        return RedirectResponse(f"{visit.base}/campaigns/{campaign}/message", 303)
    with visit.office.read() as connection:
        hours = breakers.by_hour(connection, "campaign", campaign, EPOCH)
    shown = {
        "one": found, "open": OPEN, "hours": hours, "about": about(visit.office, visit.here, campaign),
        "report": campaigns.report(visit.office, visit.here, campaign),
        "rows": campaigns.recipients(visit.office, visit.here, campaign, window),
    }  # fmt: skip
    return visit.page("campaign.html", shown)


@router.get("/p/{project}/campaigns/{campaign}/progress")
def progress(visit: Viewer, campaign: int) -> Response:
    """The part of the page that htmx asks for again while it runs."""
    found = campaigns.get(visit.office, visit.here, campaign)
    shown = {"one": found, "open": OPEN, "report": campaigns.report(visit.office, visit.here, campaign)}
    return visit.page("campaign_progress.html", shown)


def _recipients(visit: Visit, campaign: int | None, form: Form) -> Response:
    draft = None if campaign is None else _draft(visit, campaign)
    shown = {
        "campaign": campaign, "draft": draft,
        "segments": segments.page(visit.office, visit.here, Window(limit=_OFFERED)).items,
        "lists": lists.page(visit.office, visit.here, Window(limit=_OFFERED)).items,
        "senders": senders.page(visit.office, visit.here, Window(limit=_OFFERED)).items,
    }  # fmt: skip
    return visit.page("campaign_recipients.html", shown, form)


def _sending(visit: Visit, campaign: int, form: Form, *, judged: bool = False) -> Response:
    """The gate looks at every recipient that a segment means, a second for a million: the page asks for it once it is
    there, and says about how many they are at once."""
    draft = _draft(visit, campaign)
    size = campaign_draft.reach(visit.office, visit.here, draft.list, draft.segment, exact=False)
    sending = draft.sending
    shown = {
        "campaign": campaign, "draft": draft, "pools": _pools(visit.office), "size": size,
        "lasts": None if sending.part_times else sending.timetable.lasts(size.clients),
        "sender": senders.get(visit.office, visit.here, draft.sender),
        "failing": campaigns.gate(visit.office, visit.here, campaign) if judged else None,
        "part_times": _shown_times(sending, form),
    }  # fmt: skip
    return visit.page("campaign_sending.html", shown, form)


def _shown_times(sending: Sending, form: Form) -> list[tuple[str, str]]:
    """For each part behind the first what its field holds, and the moment where it was kept, for the reader's zone."""
    if form.error:
        return [(one, "") for one in form.all("part_at_local")] or [("", "")]
    kept = [(one.strftime("%Y-%m-%dT%H:%M"), one.isoformat()) for one in sending.part_times]
    return kept or [("", "")] * max(1, sending.timetable.parts - 1)


def _draft(visit: Visit, campaign: int) -> Draft:
    """Raises ConflictError for one that is none any more."""
    if campaigns.get(visit.office, visit.here, campaign).state != CampaignState.DRAFT.value:
        raise ConflictError("this campaign is no draft any more")
    return campaigns.draft_of(visit.office, visit.here, campaign)


def _pools(office: Office) -> list[str]:
    return sorted({source.pool for source in office.settings.outbound.sources} | {"mailings"})
