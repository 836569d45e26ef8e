"""What a campaign says, by version: subject, HTML, text, defaults of variables, attachments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from mail.attachment import Attachment
from store.schema import campaign_attachments, campaign_contents


@dataclass(frozen=True, slots=True)
class Content:
    """One version of what a campaign says; `defaults` fill variables that a client does not have.

    `html` was made from `source`, which was written in `form` (mail/markup.py); "" where it was written as it is.
    """

    subject: str
    html: str
    text: str | None
    defaults: Mapping[str, Any]
    attachments: tuple[Attachment, ...]
    form: str = "html"
    source: str = ""


def load(connection: Connection, campaign: int, version: int) -> Content:
    """One version of what a campaign says; LookupError where it never was."""
    at = (campaign_contents.c.campaign_id == campaign, campaign_contents.c.version == version)
    saved = connection.execute(select(campaign_contents).where(*at)).first()
    if saved is None:
        raise LookupError(f"campaign {campaign} has no content of version {version}")
    octets = connection.execute(
        select(campaign_attachments.c.bytes)
        .where(campaign_attachments.c.campaign_id == campaign, campaign_attachments.c.version == version)
        .order_by(campaign_attachments.c.position)
    ).scalars()
    attachments = tuple(
        Attachment(**named, content=part) for named, part in zip(saved.attachments, octets, strict=True)
    )
    return Content(saved.subject, saved.html, saved.text, saved.defaults, attachments, saved.form, saved.source)


def subject(connection: Connection, campaign: int, version: int) -> str:
    """Of one version, without the files that it carries."""
    at = (campaign_contents.c.campaign_id == campaign, campaign_contents.c.version == version)
    return str(connection.execute(select(campaign_contents.c.subject).where(*at)).scalar_one())


def save(tx: Connection, campaign: int, version: int, saved: Content) -> None:
    """Keep one version, once."""
    named = [
        {"filename": one.filename, "content_type": one.content_type, "content_id": one.content_id}
        for one in saved.attachments
    ]
    at = {"campaign_id": campaign, "version": version}
    words = {name: getattr(saved, name) for name in ("subject", "html", "text", "form", "source")}
    tx.execute(insert(campaign_contents).values(**at, **words, defaults=dict(saved.defaults), attachments=named))
    for position, one in enumerate(saved.attachments):
        tx.execute(insert(campaign_attachments).values(**at, position=position, bytes=one.content))


def forget_before(tx: Connection, campaign: int, version: int) -> None:
    """Drop what a draft said before: no message was made of it."""
    for table in (campaign_attachments, campaign_contents):
        tx.execute(delete(table).where(table.c.campaign_id == campaign, table.c.version < version))
