"""What a draft of a campaign says: written in one of three forms, shown as a client would see it (PRODUCT K2).

Raises InvalidError naming the field, NotFoundError for another project's, ConflictError for one that is no draft.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from admin.acts import campaigns as acts
from admin.acts import clients
from admin.acts.campaign_draft import Draft
from admin.acts.pages import Window
from admin.office import Office
from admin.refusals import InvalidError
from mail import markup
from mail.attachment import Attachment
from mail.markup import Form
from mail.message import Shown, show
from policy.subject_check import seen_before
from store import campaign_tests
from store.campaign_content import Content

_SUBJECTS: Final = 50
_CID: Final = re.compile(r"cid:([^\s\"'<>)]+)")


@dataclass(frozen=True, slots=True)
class Preview(Shown):
    """`client`: whose variables these are; "" where the list is empty."""

    client: str = ""


def compose(
    subject: str,
    form: str,
    source: str,
    text: str | None = None,
    defaults: Mapping[str, Any] | None = None,
    attachments: Sequence[Attachment] = (),
) -> Content:
    """The content that a source makes. `text` None: its text part is made from the HTML."""
    try:
        written = Form(form)
    except ValueError as error:
        raise InvalidError("form: html, markdown or mjml") from error
    try:
        html = markup.to_html(written, source)
    except ValueError as error:
        raise InvalidError(f"message: {error}") from error
    kept = "" if written is Form.HTML else source
    return Content(subject.strip(), html, text, dict(defaults or {}), tuple(attachments), written.value, kept)


def source_of(content: Content) -> str:
    """As it was written."""
    return content.source if content.form != Form.HTML.value else content.html


def rewrite(office: Office, project: int, campaign: int, subject: str, form: str, source: str, text: str) -> Draft:
    """The draft with these words; attachments and defaults stay."""
    old = acts.draft_of(office, project, campaign)
    content = compose(subject, form, source, text.strip() or None, old.content.defaults, old.content.attachments)
    return _saved(office, project, campaign, replace(old, content=content))


def add_button(office: Office, project: int, campaign: int, words: str, link: str) -> Draft:
    old = acts.draft_of(office, project, campaign)
    form = Form(old.content.form)
    try:
        made = markup.button(form, words, link)
    except ValueError as error:
        raise InvalidError(str(error)) from error
    said = old.content
    source = markup.with_button(form, source_of(said), made)
    content = compose(said.subject, said.form, source, said.text, said.defaults, said.attachments)
    return _saved(office, project, campaign, replace(old, content=content))


def attach(office: Office, project: int, campaign: int, one: Attachment) -> Draft:
    old = acts.draft_of(office, project, campaign)
    files = (*old.content.attachments, one)
    return _saved(office, project, campaign, replace(old, content=replace(old.content, attachments=files)))


def detach(office: Office, project: int, campaign: int, position: int) -> Draft:
    old = acts.draft_of(office, project, campaign)
    files = [file for at, file in enumerate(old.content.attachments) if at != position]
    return _saved(office, project, campaign, replace(old, content=replace(old.content, attachments=tuple(files))))


def preview(office: Office, project: int, campaign: int, address: str = "") -> Preview:
    """With the variables of the client of that address, or of the list's first. Raises NotFoundError for no client."""
    draft = acts.draft_of(office, project, campaign)
    client, values = values_for(office, project, draft, address)
    said = draft.content
    try:
        shown = show(said.subject, said.html, said.text or "", values, f"{public_url(office)}/u/test")
    except ValueError as error:
        raise InvalidError(str(error)) from error
    images = {one.content_id: one for one in said.attachments if one.content_id}

    def inline(found: re.Match[str]) -> str:
        image = images.get(found[1])
        return found[0] if image is None else f"data:{image.content_type};base64,{b64encode(image.content).decode()}"

    return Preview(shown.subject, _CID.sub(inline, shown.html), shown.text, client)


def values_for(office: Office, project: int, draft: Draft, address: str) -> tuple[str, Mapping[str, Any]]:
    """Whose variables a preview has, and these."""
    if address.strip():
        one = clients.by_address(office, project, address)
        return one.address, {**draft.content.defaults, **one.variables}
    first = clients.page(office, project, draft.list, Window(limit=1)).items
    if not first:
        return "", dict(draft.content.defaults)
    return first[0].address, {**draft.content.defaults, **first[0].variables}


def likeness(office: Office, project: int, campaign: int, draft: Draft) -> str | None:
    """A subject that inboxes have seen and that this one nearly equals."""
    with office.read() as connection:
        return seen_before(
            draft.content.subject, campaign_tests.subjects(connection, campaign, project, draft.list, _SUBJECTS)
        )


def public_url(office: Office) -> str:
    return office.settings.admin.url.rstrip("/")


def _saved(office: Office, project: int, campaign: int, draft: Draft) -> Draft:
    acts.edit(office, project, campaign, draft)
    return draft
