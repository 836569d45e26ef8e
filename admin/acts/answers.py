"""Answering a conversation from a mailbox (PRODUCT M2).

`answer` is queued first and then filed in the mailbox's folder of sent mail; the clock files what a crash or a failure
left (`file_left`, store/answers.py). It goes to nobody who is blocked or has withdrawn consent, nor from an address
whose SMTP request is undecided (S2): each is refused by name, and nothing of it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import Any, Final

import msgspec
from prometheus_client import Counter

from admin.acts.attachments import check_attachments
from admin.acts.gate import refuse
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.address import Address, parse_mailbox
from mail.attachment import Attachment
from mail.letter import Letter
from mail.letter_write import Written, with_blind_copies, write_letter
from mail.mime_index import index
from policy.sender_standing import obstacles
from store import addressee, answers, clients, conversations, mailboxes, sender_standing, senders
from store.answers import Answer, Asked, KeyTakenError, Unfiled
from store.conversations import Came
from store.injection import Forward, HandedIn, Submitted
from store.spool import Stored

COPIES_FAILED = Counter(
    "mailloft_answer_copies_failed", "Copies of answers that could not be filed as sent mail; they are tried again"
)
_EVERY: Final = 1 << 62  # above every id
_ENTRY: Final = re.compile(r"in-(\d{1,18})")
_KEY: Final = 200
_ADDRESSEES: Final = 50
_POOL: Final = "transactional"
_UNFILED: Final = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """`mailbox` None: the one that the answered mail came to. `entry`: which is answered, None: the newest that came.

    `subject` None: that of the answered mail behind "Re:". One of `text` and `html` has words.
    """

    text: str = ""
    html: str = ""
    subject: str | None = None
    mailbox: str | None = None
    entry: str | None = None
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """`id` is its entry's; `repeated`: this key had asked for it before, and nothing more was sent."""

    id: str
    message: int
    mailbox: str
    to: str
    repeated: bool


def answer(office: Office, project: int, client: int, draft: Draft, key: str | None = None) -> Answered:
    """Queue it and file its copy. `key`: a request that is repeated with it sends nothing more.

    Raises NotFoundError, InvalidError, and ConflictError where it may not go, saying to or from whom.
    """
    if key is not None and not (1 <= len(key) <= _KEY and key.isprintable()):
        raise InvalidError(f"Idempotency-Key: 1 to {_KEY} printable characters")
    check_attachments(draft.attachments)
    key, digest = key or token_hex(16), sha256(msgspec.json.encode([client, draft])).digest()
    try:
        told = _answer(office, project, client, draft, key, digest)
    except KeyTakenError:  # the same request, at the same time
        with office.read() as core:
            before = answers.find(core, project, key)
        if before is None:
            raise
        told = _repeated(before, digest), True
    return _answered(office, project, *told)


def _answer(office: Office, project: int, client: int, draft: Draft, key: str, digest: bytes) -> tuple[Answer, bool]:
    with office.read() as core:
        before = answers.find(core, project, key)
        to = _client(core, project, client)
    if before is not None:
        return _repeated(before, digest), True
    return _queued(office, project, to, draft, key, digest), False


def _queued(office: Office, project: int, to: clients.Client, draft: Draft, key: str, digest: bytes) -> Answer:
    """And its copy filed."""
    about = _about(office, to.id, draft)
    sender = _sender(office, project, draft, about)
    written, blind = _written(office, to, draft, about, sender)
    everyone = [written.to, *written.copies, *blind]
    stored = _stored(office, written)
    submitted = Submitted(
        project, None, str(written.author), written.message_id, stored, _POOL, mailbox_id=sender.mailbox.id
    )  # fmt: skip
    forwards = [Forward(str(one), one.normalised, one.ascii_domain) for one in everyone]
    answered = about.arrival_id if about else None
    asked = Asked(project, to.id, sender.mailbox.id, key, digest, [str(one) for one in blind], answered)

    def work(tx: Any) -> Answer:
        refuse(obstacles(sender_standing.gather(tx, project, written.author)))
        _refuse_addressees(tx, project, everyone)
        return answers.queue(tx, asked, HandedIn(submitted, forwards, written.at))

    made = office.write(work)
    copy = Unfiled(made.message_id, to.id, answered, made.mailbox_id, asked.blind, stored.blob, stored.file, written.at)
    _file_all(office, [copy])  # it is queued: whoever were told of a failure now would send it again
    return made


def _stored(office: Office, written: Written) -> Stored:
    try:
        return office.spool.put(write_letter(written))
    except ValueError as error:
        raise InvalidError(str(error)) from error


def _repeated(before: Answer, digest: bytes) -> Answer:
    if before.digest != digest:
        raise ConflictError("this Idempotency-Key was used for another answer; take a new one")
    return before


def _answered(office: Office, project: int, made: Answer, repeated: bool) -> Answered:
    with office.read() as core:
        mailbox = mailboxes.by_id(core, made.mailbox_id)
        to = _client(core, project, made.client_id).address
    return Answered(f"out-{made.recipient_id}", made.message_id, mailbox.address if mailbox else "", to, repeated)


def _client(core: Any, project: int, client: int) -> clients.Client:
    found = clients.get(core, project, client)
    if found is None:
        raise NotFoundError(f"this project has no client {client}")
    return found


@dataclass(frozen=True, slots=True)
class _Sender:
    mailbox: mailboxes.Mailbox
    name: str


def _about(office: Office, client: int, draft: Draft) -> Came | None:
    """The mail that is answered, None where nothing has come yet."""
    entry = _ENTRY.fullmatch(draft.entry) if draft.entry else None
    if draft.entry and entry is None:
        raise InvalidError("entry: the id of a mail that came, in-N, as the conversation gives it")
    before = int(entry[1]) + 1 if entry else _EVERY
    with office.stores.mail.database.read() as mail:
        found = conversations.came(mail, client, before, 1)
    if entry and (not found or found[0].arrival_id != before - 1):
        raise NotFoundError(f"this conversation has no entry {draft.entry}")
    return found[0] if found else None


def _sender(office: Office, project: int, draft: Draft, about: Came | None) -> _Sender:
    with office.read() as core:
        if draft.mailbox is not None:
            found = mailboxes.by_address(core, mailboxes.address_key(draft.mailbox) or "")
        elif about is not None and about.mailbox_id is not None:
            found = mailboxes.by_id(core, about.mailbox_id)
        else:
            raise InvalidError("mailbox: name the one to answer from; what is answered came to none")
        if found is None or found.project_id != project:
            raise NotFoundError(f"this project has no mailbox {(draft.mailbox or '')[:80]!r}")
        sender = senders.find(core, project, parse_mailbox(found.address).normalised)
    return _Sender(found, sender.display_name if sender else "")


def _written(
    office: Office, to: clients.Client, draft: Draft, about: Came | None, sender: _Sender
) -> tuple[Written, list[Address]]:
    author = parse_mailbox(sender.mailbox.address)
    first = parse_mailbox(to.address)
    seen = {first.normalised}
    copies, blind = (_addresses(name, given, seen) for name, given in (("cc", draft.cc), ("bcc", draft.bcc)))
    said = about.letter if about else None
    references = [*reversed(said.answers), said.message_id] if said and said.message_id else []
    written = Written(
        author, sender.name, first, copies, _subject(draft, said), f"<{token_hex(16)}@{author.ascii_domain}>",
        references, draft.html, draft.text, draft.attachments, office.now(),
    )  # fmt: skip
    return written, blind


def _subject(draft: Draft, said: Letter | None) -> str:
    if draft.subject is not None:
        return draft.subject
    before = said.subject if said else ""
    return before if before.lower().startswith("re:") else f"Re: {before}".strip()


def _addresses(name: str, given: Sequence[str], seen: set[str]) -> list[Address]:
    """Each once, and nobody twice over To, Cc and Bcc."""
    found = []
    for one in given:
        try:
            parsed = parse_mailbox(one.strip())
        except ValueError as error:
            raise InvalidError(f"{name}: {error}") from error
        if parsed.normalised not in seen:
            seen.add(parsed.normalised)
            found.append(parsed)
    if len(seen) > _ADDRESSEES:
        raise InvalidError(f"{name}: at most {_ADDRESSEES} addressees of one answer")
    return found


def _refuse_addressees(tx: Any, project: int, everyone: Sequence[Address]) -> None:
    told = addressee.refusals(tx, [(project, one) for one in everyone])
    if refused := [f"{one}: {why}" for one, why in zip(everyone, told, strict=True) if why]:
        raise ConflictError("not sent. " + "; ".join(refused))


# --- the copy ---------------------------------------------------------------------------------------------------


def file_left(office: Office) -> int:
    """File the copies that a crash or a failure left out; how many answers are settled. Called by the clock."""
    with office.read() as core:
        left = answers.unfiled(core, _UNFILED)
    return _file_all(office, left)


def _file_all(office: Office, copies: Sequence[Unfiled]) -> int:
    """How many were filed; one that cannot be is told of, keeps no other waiting, and is the clock's to try again."""
    failed: dict[int, Exception] = {}
    for one in copies:
        try:
            file_copy(office, one)
        except Exception as error:  # noqa: BLE001 - whatever it is: the answer itself is on its way
            COPIES_FAILED.inc()
            failed[one.message_id] = error
    if failed:
        message, why = next(iter(failed.items()))
        office.log.error("copy of an answer not filed yet", message=message, failed=len(failed), raised=why)
    return len(copies) - len(failed)


def file_copy(office: Office, one: Unfiled) -> None:
    """With the blind copies that it names; the two steps after the queue, each idempotent."""
    with office.read() as core:
        there = mailboxes.by_id(core, one.mailbox_id) is not None
    if there:
        content = office.spool.get(one.blob, one.file)
        whole = with_blind_copies(content, [parse_mailbox(address) for address in one.blind])
        copy, structure, now = office.spool.put(whole), index(whole), office.now()
        office.write_mail(lambda tx: answers.file(tx, one, copy, structure, now))
    office.write(lambda tx: answers.settle(tx, one.message_id))
