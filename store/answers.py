"""Answers from a conversation: queued on `core`, then filed in the writer's folder of sent mail on `mail`.

Called by admin. Three steps, each idempotent: `queue` (message, rows and what was asked, in one transaction), `file`
(the copy and its note `filed_answers`, in one), `settle` (no longer open). Crash case: killed between them, the answer
is on its way and the clock finds it open; a copy that is noted is not filed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from mail.mime_index import Indexed
from store import conversation_list, filing, folders, injection, mail_flags
from store.conversation_list import DONE
from store.injection import HandedIn
from store.schema import answers, filed_answers, messages, recipients
from store.spool import Stored

_SENT: Final = "\\Sent"
_NAME: Final = "Sent"
_OPEN: Final = {"sqlite": text("filed = 0"), "postgresql": text("NOT filed")}
_NOTE: Final = {
    "sqlite": sqlite.insert(filed_answers).on_conflict_do_nothing().returning(filed_answers.c.message_id),
    "postgresql": postgresql.insert(filed_answers).on_conflict_do_nothing().returning(filed_answers.c.message_id),
}


class KeyTakenError(Exception):
    """An answer was asked for under this key at the same time; nothing of this one is queued."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is known by: the same key and digest is the same request."""

    project_id: int
    client_id: int
    mailbox_id: int
    key: str
    digest: bytes
    blind: Sequence[str]
    arrival_id: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`recipient_id` is the client's own row of it."""

    message_id: int
    client_id: int
    mailbox_id: int
    digest: bytes
    recipient_id: int


@dataclass(frozen=True, slots=True)
class Unfiled:
    """One whose copy is to be filed: where its bytes are, and which mail of whom it answers."""

    message_id: int
    client_id: int
    arrival_id: int | None
    mailbox_id: int
    blind: Sequence[str]
    blob: bytes | None
    file: str | None
    at: datetime


def find(tx: Connection, project: int, key: str) -> Answer | None:
    wanted = (
        select(
            answers.c.message_id, answers.c.client_id, answers.c.mailbox_id, answers.c.digest, recipients.c.id,
        )
        .join(
            recipients,
            (recipients.c.message_id == answers.c.message_id) & (recipients.c.client_id == answers.c.client_id),
        )
        .where(answers.c.project_id == project, answers.c.key == key)
    )  # fmt: skip
    row = tx.execute(wanted.limit(1)).first()
    return None if row is None else Answer(*row)


def queue(tx: Connection, asked: Asked, handed_in: HandedIn) -> Answer:
    """KeyTakenError where another request of that key was first."""
    (message,) = injection.queue_submissions(tx, [handed_in])
    values = {name: getattr(asked, name) for name in Asked.__slots__}
    try:
        tx.execute(insert(answers).values(message_id=message, filed=False, **values))
    except IntegrityError as error:
        raise KeyTakenError(asked.key) from error
    found = find(tx, asked.project_id, asked.key)
    assert found is not None  # made in this transaction
    return found


def unfiled(tx: Connection, limit: int) -> list[Unfiled]:
    wanted = (
        select(
            answers.c.message_id, answers.c.client_id, answers.c.arrival_id, answers.c.mailbox_id, answers.c.blind,
            messages.c.bytes, messages.c.file, messages.c.created_at,
        )
        .join(messages, messages.c.id == answers.c.message_id)
        .where(_OPEN[tx.dialect.name])
        .order_by(answers.c.message_id)
        .limit(limit)
    )  # fmt: skip
    return [Unfiled(*row) for row in tx.execute(wanted)]


def file(tx: Connection, one: Unfiled, copy: Stored, index: Indexed, now: datetime) -> bool:
    """On `mail`: the copy in the folder of sent mail, read, and the conversation answered; False where it was filed."""
    if tx.execute(_NOTE[tx.dialect.name], {"message_id": one.message_id}).first() is None:
        return False
    if one.arrival_id is not None:
        conversation_list.settle(tx, one.client_id, one.arrival_id, DONE)
    folders.ensure_folders(tx, one.mailbox_id, now)
    filing.file_message(tx, _sent_folder(tx, one.mailbox_id, now), copy, index, [mail_flags.SEEN], one.at, now)
    return True


def _sent_folder(tx: Connection, mailbox: int, now: datetime) -> int:
    """Made anew where its owner has deleted it."""
    found = folders.by_use(tx, mailbox, _SENT) or folders.by_name(tx, mailbox, _NAME)
    return (found or folders.create(tx, mailbox, _NAME, now, _SENT)).id


def settle(tx: Connection, message_id: int) -> None:
    """Its copy is there, or has nowhere to be."""
    tx.execute(update(answers).where(answers.c.message_id == message_id).values(filed=True))
