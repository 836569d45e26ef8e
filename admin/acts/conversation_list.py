"""The conversations of a project: which wait for somebody, and that one was read or needs no answer (PRODUCT M2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from admin.acts.pages import Page
from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from store import clients, conversation_list
from store.conversation_list import DONE, TOP, UNANSWERED, UNREAD, Conversation

DEFAULT: Final = 50
LONGEST: Final = 200
STANDINGS: Final = {UNREAD: "unread", UNANSWERED: "unanswered", DONE: "done"}
_CURSOR: Final = re.compile(r"([0-2])\.(\d{1,18})")
_PREVIEW: Final = 160


@dataclass(frozen=True, slots=True)
class ConversationView:
    """With one client; `standing`: unread, unanswered or done. `author` to `preview`: of the last that came."""

    client: int
    address: str
    standing: str
    at: datetime
    author: str
    subject: str
    preview: str


def page(office: Office, project: int, cursor: str | None = None, limit: int = DEFAULT) -> Page[ConversationView]:
    """Unread, then unanswered, then done. Raises InvalidError for a cursor that no page gave."""
    if not 1 <= limit <= LONGEST:
        raise InvalidError(f"limit {limit} is not within 1..{LONGEST}")
    behind = _position(cursor)
    with office.stores.mail.database.read() as mail:
        rows = conversation_list.page(mail, project, behind, limit + 1)
    shown = rows[:limit]
    with office.read() as core:
        addresses = clients.addresses(core, project, [one.client_id for one in shown])
    following = f"{shown[-1].standing}.{shown[-1].newest}" if rows[limit:] else None
    return Page([_view(one, addresses[one.client_id]) for one in shown if one.client_id in addresses], following)


def waiting(office: Office, project: int) -> int:
    """How many are unread or unanswered, counted to a hundred."""
    with office.stores.mail.database.read() as mail:
        return conversation_list.waiting(mail, project)


def waits(office: Office, client: int) -> bool:
    """Whether the last that came is unanswered; the caller has seen to whose client it is."""
    with office.stores.mail.database.read() as mail:
        return conversation_list.standing(mail, client) > DONE


def read(office: Office, project: int, client: int, entry: str) -> None:
    """Somebody has seen it as far as the mail `entry`, in-N. Raises NotFoundError."""
    _settle(office, project, client, entry, UNANSWERED)


def done(office: Office, project: int, client: int, entry: str) -> None:
    """As far as the mail `entry` it needs no answer. Raises NotFoundError, InvalidError."""
    _settle(office, project, client, entry, DONE)


def _settle(office: Office, project: int, client: int, entry: str, standing: int) -> None:
    with office.read() as core:
        if clients.get(core, project, client) is None:
            raise NotFoundError(f"this project has no client {client}")
    told = re.fullmatch(r"in-(\d{1,18})", entry, re.ASCII)
    if told is None:
        raise InvalidError("entry: the id of a mail that came, in-N, as the conversation gives it")
    newest = int(told[1])
    office.write_mail(lambda tx: conversation_list.settle(tx, client, newest, standing))


def _position(cursor: str | None) -> tuple[int, int]:
    if not cursor:
        return TOP
    told = _CURSOR.fullmatch(cursor) if cursor.isascii() else None
    if told is None:
        raise InvalidError("cursor is none that a page gave as `next`; leave it out for the first page")
    return int(told[1]), int(told[2])


def _view(one: Conversation, address: str) -> ConversationView:
    said = one.letter
    preview = " ".join(said.own[: 4 * _PREVIEW].split())[:_PREVIEW]
    return ConversationView(
        one.client_id, address, STANDINGS[one.standing], one.at, said.author, said.subject, preview
    )  # fmt: skip
