"""A client's conversation: what we sent and what came in, newest first (PRODUCT M2). See admin/acts/answers.py."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Final

from admin.acts.pages import Page
from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from mail.html_text import text_of
from mail.letter import Letter, read_letter
from mail.template import Values, compile_template, in_text
from store import campaign_content, clients, conversations, mailboxes
from store.conversations import Came, Sent

DEFAULT: Final = 20
LONGEST: Final = 100
_EVERY: Final = 1 << 62  # above every id
_CURSOR: Final = re.compile(r"(\d{1,18})\.(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail of a conversation. `id` is "in-N" or "out-N".

    `quoted` is what its author quoted, to be folded. `mailbox`: what it came to or was sent from; None for what came to
    the return address of our own mail. `kind`: reply, campaign, submission or answer. `state`, `reason` and `words` say
    what became of what we sent; `dmarc` whether the author of what came is proved. `cut`: there is more text.
    """

    id: str
    direction: str
    at: datetime
    kind: str
    author: str
    subject: str
    text: str
    quoted: str
    attachments: list[str]
    mailbox: str | None
    campaign: str | None = None
    state: str | None = None
    reason: str | None = None
    words: str | None = None
    dmarc: str | None = None
    cut: bool = False


def page(office: Office, project: int, client: int, cursor: str | None = None, limit: int = DEFAULT) -> Page[Entry]:
    """Raises NotFoundError for another project's client, InvalidError for a cursor that no page gave."""
    row_before, arrival_before = _positions(cursor)
    if not 1 <= limit <= LONGEST:
        raise InvalidError(f"limit {limit} is not within 1..{LONGEST}")
    with office.read() as core:
        found = _client(core, project, client)
        out = conversations.sent(core, client, row_before, limit + 1)
    with office.stores.mail.database.read() as mail:
        came = conversations.came(mail, client, arrival_before, limit + 1)
    merged: list[Sent | Came] = sorted([*out, *came], key=lambda one: one.at, reverse=True)
    shown = merged[:limit]
    return Page(_entries(office, found, shown), _next(shown, row_before, arrival_before) if merged[limit:] else None)


def _positions(cursor: str | None) -> tuple[int, int]:
    if not cursor:
        return _EVERY, _EVERY
    told = _CURSOR.fullmatch(cursor)
    if told is None or not cursor.isascii():
        raise InvalidError("cursor is none that a page gave as `next`; leave it out for the first page")
    return int(told[1]) or _EVERY, int(told[2]) or _EVERY


def _next(shown: Sequence[Sent | Came], row_before: int, arrival_before: int) -> str:
    """Where each half goes on; 0: from its newest."""
    rows = min([one.recipient_id for one in shown if isinstance(one, Sent)], default=row_before % _EVERY)
    arrivals = min([one.arrival_id for one in shown if isinstance(one, Came)], default=arrival_before % _EVERY)
    return f"{rows}.{arrivals}"


def _client(core: Any, project: int, client: int) -> clients.Client:
    found = clients.get(core, project, client)
    if found is None:
        raise NotFoundError(f"this project has no client {client}")
    return found


# --- showing ----------------------------------------------------------------------------------------------------


def _entries(office: Office, client: clients.Client, shown: Sequence[Sent | Came]) -> list[Entry]:
    with office.read() as core:
        names = cache(lambda mailbox: _address(mailboxes.by_id(core, mailbox)))
        content = cache(partial(campaign_content.load, core))

        def entry(one: Sent | Came) -> Entry:
            if isinstance(one, Came):
                return _came(one, None if one.mailbox_id is None else names(one.mailbox_id))
            if one.campaign_id is not None and one.content_version is not None:
                return _campaign(one, content(one.campaign_id, one.content_version), client.variables)
            return _sent(office, one)

        return [entry(one) for one in shown]


def _address(mailbox: mailboxes.Mailbox | None) -> str | None:
    return mailbox.address if mailbox else None


def _came(one: Came, mailbox: str | None) -> Entry:
    said = one.letter
    return Entry(
        f"in-{one.arrival_id}", "in", one.at, "reply", said.author, said.subject, said.own, said.quoted,
        list(said.attachments), mailbox, dmarc=one.dmarc or None, cut=said.cut,
    )  # fmt: skip


def _sent(office: Office, one: Sent) -> Entry:
    said = _letter(office, one)
    return Entry(
        f"out-{one.recipient_id}", "out", one.at, one.kind, one.reverse_path, said.subject, said.own, said.quoted,
        list(said.attachments), one.reverse_path, None, one.state.value, one.reason.value if one.reason else None,
        one.words, cut=said.cut,
    )  # fmt: skip


def _letter(office: Office, one: Sent) -> Letter:
    try:
        return read_letter(office.spool.get(one.blob, one.file))
    except (ValueError, FileNotFoundError):
        return Letter("", "", "", "", (), "", (), cut=True)  # its bytes have gone with the retention


def _campaign(one: Sent, content: campaign_content.Content, variables: Values) -> Entry:
    values = {**content.defaults, **variables}
    words = compile_template(content.text) if content.text else text_of(compile_template(content.html))
    names = [each.filename for each in content.attachments if each.filename and not each.content_id]
    subject = compile_template(content.subject).fill(values, in_text)
    return Entry(
        f"out-{one.recipient_id}", "out", one.at, "campaign", "", subject,
        words.fill(values, in_text).strip(), "", names, None, one.campaign, one.state.value,
        one.reason.value if one.reason else None, one.words,
    )  # fmt: skip
