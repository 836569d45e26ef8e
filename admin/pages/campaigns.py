"""Campaigns in three steps - recipients, message, sending - then live progress and the report (PRODUCT K1-K7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from admin.acts import campaigns, clients, lists, senders
from admin.acts.campaigns import Draft
from admin.acts.pages import Window
from admin.api.doors import InWindow
from admin.office import Office
from admin.pages.forms import Filled, Form
from admin.pages.render import HEADERS
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import ConflictError, InvalidError, NotFoundError, RefusedError
from mail.template import compile_template, in_html
from store import breakers
from store.campaign_content import Content
from store.campaigns import CampaignState

_OFFERED: Final = 200
_DAYS: Final = 14
OPEN: Final = (CampaignState.RUNNING.value, CampaignState.PAUSED.value, CampaignState.SCHEDULED.value)
# A message brings styles of its own, so it is shown in a frame of no origin where nothing runs and nothing is fetched.
_PREVIEW: Final = {
    **{name: value for name, value in HEADERS.items() if name != "Cross-Origin-Opener-Policy"},
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
}
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
        draft = Draft(name, form.number("sender"), form.number("list"), "mailings", content)
        made = campaigns.create(visit.office, visit.here, draft)
    except RefusedError as error:
        return _recipients(visit, None, form.failed(error, ("campaign name", "sender", "list")))
    return visit.done("campaign.create", made.name, f"/campaigns/{made.id}/message")


@router.get("/p/{project}/campaigns/{campaign}/recipients")
def show_recipients(visit: Member, campaign: int) -> Response:
    return _recipients(visit, campaign, Form())


@router.post("/p/{project}/campaigns/{campaign}/recipients")
def save_recipients(visit: Member, campaign: int, form: Filled) -> Response:
    old = campaigns.draft_of(visit.office, visit.here, campaign)
    try:
        draft = Draft(form.get("name"), form.number("sender"), form.number("list"), old.pool, old.content)
        campaigns.edit(visit.office, visit.here, campaign, draft)
    except RefusedError as error:
        return _recipients(visit, campaign, form.failed(error, ("campaign name", "sender", "list")))
    return visit.done("campaign.edit", draft.name, f"/campaigns/{campaign}/message", "saved")


@router.get("/p/{project}/campaigns/{campaign}/message")
def show_message(visit: Member, campaign: int) -> Response:
    return _message(visit, campaign, Form())


@router.post("/p/{project}/campaigns/{campaign}/message")
def save_message(visit: Member, campaign: int, form: Filled) -> Response:
    old = campaigns.draft_of(visit.office, visit.here, campaign)
    text = form.get("text").strip() or None
    content = Content(
        form.get("subject").strip(), form.get("html"), text, old.content.defaults, old.content.attachments
    )
    try:
        draft = Draft(old.name, old.sender, old.list, old.pool, content)
        campaigns.edit(visit.office, visit.here, campaign, draft)
    except RefusedError as error:
        return _message(visit, campaign, form.failed(error, ("subject", "html", "text")))
    onward = "sending" if form.get("then") == "sending" else "message"
    return visit.done("campaign.edit", old.name, f"/campaigns/{campaign}/{onward}", "saved")


@router.get("/p/{project}/campaigns/{campaign}/preview")
def preview(visit: Viewer, campaign: int) -> Response:
    """The HTML as the list's first client would see it."""
    draft = campaigns.draft_of(visit.office, visit.here, campaign)
    first = clients.page(visit.office, visit.here, draft.list, Window(limit=1)).items
    values = {**draft.content.defaults, **(first[0].variables if first else {})}
    shown = compile_template(draft.content.html).fill(values, in_html)
    return HTMLResponse(shown, headers=_PREVIEW)


@router.get("/p/{project}/campaigns/{campaign}/sending")
def show_sending(visit: Member, campaign: int) -> Response:
    return _sending(visit, campaign, Form())


@router.get("/p/{project}/campaigns/{campaign}/gate")
def show_gate(visit: Viewer, campaign: int) -> Response:
    """The part of the page that says whether it may be launched."""
    return visit.page("campaign_gate.html", {"failing": campaigns.gate(visit.office, visit.here, campaign)})


@router.post("/p/{project}/campaigns/{campaign}/launch")
def launch(visit: Member, campaign: int, form: Filled) -> Response:
    try:
        _set_pool(visit, campaign, form.get("pool"))
        launched = campaigns.launch(visit.office, visit.here, campaign, _moment(form))
    except RefusedError as error:
        return _sending(visit, campaign, form.failed(error, ("at", "pool")), judged=True)
    return visit.done(
        f"campaign.{launched.state}", str(campaign), f"/campaigns/{campaign}", f"campaign_{launched.state}"
    )


def _set_pool(visit: Visit, campaign: int, pool: str) -> None:
    old = campaigns.draft_of(visit.office, visit.here, campaign)
    if pool not in _pools(visit.office):
        raise InvalidError("pool: choose one of the pools")
    if pool != old.pool:
        campaigns.edit(visit.office, visit.here, campaign, Draft(old.name, old.sender, old.list, pool, old.content))


def _moment(form: Form) -> datetime | None:
    """What a datetime-local field gives, made UTC by the page's script; None: now."""
    text = form.get("at").strip()
    if form.get("when") != "later":
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidError("at: choose a day and a time") from error


@router.post("/p/{project}/campaigns/{campaign}/{act}")
def move(visit: Member, campaign: int, act: str, _: Filled) -> Response:
    if act not in _ACTS:
        raise NotFoundError("there is no such page")
    moved = _ACTS[act](visit.office, visit.here, campaign)
    return visit.done(f"campaign.{act}", moved.name, f"/campaigns/{campaign}", f"campaign_{act}")


@router.get("/p/{project}/campaigns/{campaign}")
def show(visit: Viewer, campaign: int, window: InWindow) -> Response:
    found = campaigns.get(visit.office, visit.here, campaign)
    if found.state == CampaignState.DRAFT.value and visit.may("member"):
        return RedirectResponse(f"{visit.base}/campaigns/{campaign}/message", 303)
    since = visit.office.now() - timedelta(days=_DAYS)
    with visit.office.read() as connection:
        hours = breakers.by_hour(connection, "campaign", campaign, since)
    shown = {
        "one": found, "open": OPEN, "hours": hours,
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
        "lists": lists.page(visit.office, visit.here, Window(limit=_OFFERED)).items,
        "senders": senders.page(visit.office, visit.here, Window(limit=_OFFERED)).items,
    }  # fmt: skip
    return visit.page("campaign_recipients.html", shown, form)


def _message(visit: Visit, campaign: int, form: Form) -> Response:
    return visit.page("campaign_message.html", {"campaign": campaign, "draft": _draft(visit, campaign)}, form)


def _sending(visit: Visit, campaign: int, form: Form, *, judged: bool = False) -> Response:
    """The gate looks at every recipient, a second for a million, so the page asks for it once it is there."""
    shown = {
        "campaign": campaign, "draft": _draft(visit, campaign), "pools": _pools(visit.office),
        "failing": campaigns.gate(visit.office, visit.here, campaign) if judged else None,
    }  # fmt: skip
    return visit.page("campaign_sending.html", shown, form)


def _draft(visit: Visit, campaign: int) -> Draft:
    """Raises ConflictError for one that is none any more."""
    if campaigns.get(visit.office, visit.here, campaign).state != CampaignState.DRAFT.value:
        raise ConflictError("this campaign is no draft any more")
    return campaigns.draft_of(visit.office, visit.here, campaign)


def _pools(office: Office) -> list[str]:
    return sorted({source.pool for source in office.settings.outbound.sources} | {"mailings"})
