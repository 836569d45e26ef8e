"""The second step of a campaign: what it says, how a client would see it, a test to an address of one's own (K2)."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from admin.acts import campaign_messages as messages
from admin.acts import campaign_tests, campaigns, clients
from admin.acts.attachments import FILES, OCTETS
from admin.acts.campaign_draft import Draft
from admin.acts.campaign_messages import Preview
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.pages.forms import Filled, Form
from admin.pages.render import HEADERS
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import ConflictError, RefusedError
from mail.attachment import Attachment
from mail.markup import Form as Markup
from store.campaigns import CampaignState

_FIELDS: Final = ("subject", "message", "text", "button words", "button link", "file", "attachment")
_OFFERED: Final = 20
# A message brings styles of its own, so it is shown in a frame of no origin where nothing runs and nothing is fetched.
_PREVIEW: Final = {
    **{name: value for name, value in HEADERS.items() if name != "Cross-Origin-Opener-Policy"},
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
}

_NOTHING: Final = Preview("", "", "")

router = APIRouter(include_in_schema=False)
Like = Annotated[str, Query(alias="as", max_length=320)]


@router.get("/p/{project}/campaigns/{campaign}/message")
def show(visit: Member, campaign: int, like: Like = "") -> Response:
    return page(visit, campaign, Form(), like)


@router.post("/p/{project}/campaigns/{campaign}/message")
def save(visit: Member, campaign: int, form: Filled) -> Response:
    """One form, so that nothing typed is lost whichever of its buttons is pressed."""
    then = form.get("then")
    try:
        old = messages.rewrite(
            visit.office, visit.here, campaign,
            form.get("subject"), form.get("form"), form.get("message"), form.get("text"),
        )  # fmt: skip
        if then == "button":
            messages.add_button(visit.office, visit.here, campaign, form.get("words"), form.get("link"))
        if form.file is not None and form.file.filename:
            messages.attach(visit.office, visit.here, campaign, _attachment(form))
    except RefusedError as error:
        return page(visit, campaign, form.failed(error, _FIELDS), "")
    onward = "sending" if then == "sending" else "message"
    return visit.done(
        "campaign.edit", thing("campaign", campaign, old.name), f"/campaigns/{campaign}/{onward}", "saved"
    )


def _attachment(form: Form) -> Attachment:
    """Read as far as it is seen to be too large."""
    assert form.file is not None
    octets = form.file.file.read(OCTETS + 1)
    kind = form.file.content_type or "application/octet-stream"
    return Attachment(form.file.filename, kind.partition(";")[0].strip(), octets)


@router.post("/p/{project}/campaigns/{campaign}/attachments/{position}/remove")
def detach(visit: Member, campaign: int, position: int, _: Filled) -> Response:
    old = messages.detach(visit.office, visit.here, campaign, position)
    return visit.done("campaign.edit", thing("campaign", campaign, old.name), f"/campaigns/{campaign}/message", "saved")


@router.post("/p/{project}/campaigns/{campaign}/test")
def test(visit: Member, campaign: int, form: Filled) -> Response:
    try:
        sent = campaign_tests.send(
            visit.office, visit.here, campaign, form.get("test"), form.get("as"), visit.person.login
        )  # fmt: skip
    except RefusedError as error:
        return page(visit, campaign, form.failed(error, ("test address",)), "")
    told = f"{visit.thing('campaign', campaign)}: {sent[0].address}"
    return visit.done("campaign.test", told, f"/campaigns/{campaign}/message", "campaign_tested")


@router.get("/p/{project}/campaigns/{campaign}/tests")
def tests(visit: Viewer, campaign: int) -> Response:
    """The part of the page that htmx asks for until each test has come to its end."""
    return visit.page("campaign_tests.html", {"campaign": campaign, "tests": _tests(visit, campaign)})


@router.get("/p/{project}/campaigns/{campaign}/preview")
def preview(visit: Viewer, campaign: int, like: Like = "") -> Response:
    """The HTML alone, for a frame."""
    shown = messages.preview(visit.office, visit.here, campaign, like)
    return HTMLResponse(shown.html, headers=_PREVIEW)


def page(visit: Visit, campaign: int, form: Form, like: str) -> Response:
    draft, seen = _draft(visit, campaign), _NOTHING
    try:
        if draft.content.html.strip() or draft.content.text:
            seen = messages.preview(visit.office, visit.here, campaign, like)
    except RefusedError as error:
        like = ""
        form = form if form.error else Form(form.values, error=error.detail, at="as")
    shown = {
        "campaign": campaign, "draft": draft, "source": messages.source_of(draft.content), "seen": seen, "like": like,
        "forms": [one.value for one in Markup], "files": FILES, "octets_of_files": OCTETS,
        "near": messages.likeness(visit.office, visit.here, campaign, draft),
        "own": campaign_tests.own_addresses(visit.office, visit.here, visit.person.login),
        "some": clients.page(visit.office, visit.here, draft.list, Window(limit=_OFFERED)).items,
        "tests": _tests(visit, campaign),
    }  # fmt: skip
    return visit.page("campaign_message.html", shown, form)


def _tests(visit: Visit, campaign: int) -> list[campaign_tests.TestView]:
    return campaign_tests.latest(visit.office, visit.here, campaign)


def _draft(visit: Visit, campaign: int) -> Draft:
    """Raises ConflictError for one that is none any more."""
    if campaigns.get(visit.office, visit.here, campaign).state != CampaignState.DRAFT.value:
        raise ConflictError("this campaign is no draft any more")
    return campaigns.draft_of(visit.office, visit.here, campaign)
