"""The options that `mailloft campaign add` and `edit` share, and what they make of a draft.

Files are read. Raises OSError for one that cannot be, RefusedError for names that the project does not know, and
typer's BadParameter.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from admin.acts.campaign_draft import Draft
    from admin.office import Office
    from mail.attachment import Attachment
    from store.campaign_content import Content
    from store.campaigns import Sending

ONE_FORM: Final = "give one of --html, --markdown and --mjml"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a draft shall be beside its name, sender and subject; None: not named."""

    list_name: Annotated[str | None, typer.Option("--list", help='To this list; "" for all clients.')] = None
    segment: Annotated[
        str | None,
        typer.Option("--segment", help='Of the list, or of all clients, only those whom it means; "" for all.'),
    ] = None
    everyone: Annotated[bool, typer.Option("--everyone", help="To all clients of the project.")] = False
    html: Annotated[Path | None, typer.Option("--html", help="A file with the HTML of the message.")] = None
    markdown: Annotated[Path | None, typer.Option("--markdown", help="The same, written in Markdown.")] = None
    mjml: Annotated[Path | None, typer.Option("--mjml", help="The same, written in MJML.")] = None
    text: Annotated[Path | None, typer.Option("--text", help="A file with its text; else it is made.")] = None
    attach: Annotated[
        list[Path] | None,
        typer.Option("--attach", help="A file that goes with it; in an edit, in place of those there."),
    ] = None
    from_name: Annotated[str | None, typer.Option("--from-name", help="In place of the sender's own name.")] = None
    interval: Annotated[float | None, typer.Option("--interval", help="Seconds between two messages.")] = None
    parts: Annotated[int | None, typer.Option("--parts", help="In so many parts of the same size.")] = None
    part_every: Annotated[float | None, typer.Option("--part-every", help="Seconds from one part to the next.")] = None
    part_at: Annotated[
        list[datetime] | None, typer.Option("--part-at", help="When the next part begins instead; once for each part.")
    ] = None
    history: Annotated[
        bool | None, typer.Option("--history/--no-history", help="Keep it in the clients' conversations, or not.")
    ] = None
    pool: Annotated[
        str | None, typer.Option("--pool", help="The addresses of ours that it leaves from; else `mailings`.")
    ] = None


def changed(office: Office, owner: int, draft: Draft, asked: Asked) -> Draft:
    """What is named, in place of what the draft has."""
    chosen, meant = (None, None) if asked.everyone else (draft.list, draft.segment)
    if asked.list_name is not None:
        chosen = _list(office, owner, asked.list_name)
    if asked.segment is not None:
        meant = _segment(office, owner, asked.segment)
    return replace(
        draft,
        list=chosen,
        segment=meant,
        pool=asked.pool or draft.pool,
        content=_content(draft.content, asked),
        sending=_sending(draft.sending, asked),
    )


def _content(old: Content, asked: Asked) -> Content:
    from admin.acts import campaign_messages

    text = asked.text.read_text("utf-8") if asked.text else old.text
    attachments = tuple(_attachment(file) for file in asked.attach) if asked.attach else old.attachments
    source = written(asked)
    if source is None:
        return replace(old, text=text, attachments=attachments)
    form, file = source
    return campaign_messages.compose(old.subject, form, file.read_text("utf-8"), text, old.defaults, attachments)


def written(asked: Asked) -> tuple[str, Path] | None:
    """The form and the file."""
    files = {"html": asked.html, "markdown": asked.markdown, "mjml": asked.mjml}
    given = [(form, file) for form, file in files.items() if file is not None]
    if len(given) > 1:
        raise typer.BadParameter(ONE_FORM)
    return given[0] if given else None


def _attachment(file: Path) -> Attachment:
    from mail.attachment import Attachment

    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Attachment(file.name, kind, file.read_bytes())


def _sending(old: Sending, asked: Asked) -> Sending:
    """How many parts, every so often and times of their own: to name one of them is to forget the others' times."""
    from admin.acts import campaign_sending

    table = old.timetable
    paced = asked.parts is not None or asked.part_every is not None or bool(asked.part_at)
    return campaign_sending.asked(
        old.from_name if asked.from_name is None else asked.from_name,
        table.interval if asked.interval is None else timedelta(seconds=asked.interval),
        (1 if asked.part_at else table.parts) if asked.parts is None else asked.parts,
        _every(table.every, asked),
        [one.astimezone() for one in asked.part_at or ()] if paced else old.part_times,
        history=old.history if asked.history is None else asked.history,
    )


def _every(old: timedelta, asked: Asked) -> timedelta:
    if asked.part_every is not None:
        return timedelta(seconds=asked.part_every)
    return timedelta(0) if asked.part_at else old


def _list(office: Office, owner: int, name: str) -> int | None:
    from admin.acts import lists

    return lists.by_name(office, owner, name).id if name else None


def _segment(office: Office, owner: int, name: str) -> int | None:
    from admin.acts import segments

    return segments.by_name(office, owner, name) if name else None
