"""The code that proves a sender's address: mailed there, good for 30 minutes and five tries (PRODUCT C1).

The mail goes in the name of the domain that our host name is in, so that domain must be one of ours that may send.
Crash case: a code that was saved and not mailed is replaced by the next, a minute later.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from admin.acts import senders as acts_senders
from admin.acts.senders import SenderView
from admin.office import Office
from admin.refusals import ConflictError, InvalidError
from admin.report_desk import ReportDesk
from mail import own_letter
from mail.address import parse_mailbox
from store import sender_codes, senders
from store.domains import Domain
from store.report_mail import queue_report
from store.spool import Spool

GOOD: Final = timedelta(minutes=30)
AGAIN: Final = timedelta(seconds=60)
TRIES: Final = 5


def send(office: Office, project: int, sender: int) -> SenderView:
    """A new code. Raises NotFoundError; ConflictError where it is proved, was mailed just now, or cannot be mailed."""
    found, now = acts_senders.get(office, project, sender), office.now()
    if found.authorised:
        raise ConflictError(f"sender {found.address} is authorised already")
    desk = ReportDesk(office, Spool(Path(office.settings.storage.spool)))
    domain = desk.sender()
    if domain is None:
        raise ConflictError(
            f"no code can be mailed: {office.hostname} is in no domain here that may send. The operator adds it as a "
            "domain, or authorises the sender"
        )
    code = f"{secrets.randbelow(10**6):06d}"
    stored = desk.spool.put(_letter(domain, found.address, code, message_id := _message_id(domain), now))
    code_hash = _hash(office, sender, code)

    def work(tx: Any) -> None:
        before = sender_codes.get(tx, sender)
        if before is not None and now - before.sent_at < AGAIN:
            raise ConflictError(f"a code was mailed to {found.address} less than a minute ago; wait for it")
        sender_codes.put(tx, sender, code_hash, now)
        to = parse_mailbox(found.address)
        queue_report(tx, domain, "postmaster", to, message_id, stored, now, whatever_tls=False)

    office.write(work)
    return found


def prove(office: Office, project: int, sender: int, code: str) -> SenderView:
    """Authorised by the right code. Raises NotFoundError, ConflictError for a code that is over, InvalidError."""
    found, now = acts_senders.get(office, project, sender), office.now()
    given = _hash(office, sender, "".join(code.split()))

    def counted(tx: Any) -> bool:
        kept = sender_codes.get(tx, sender)
        if kept is None or now - kept.sent_at > GOOD or not sender_codes.tried(tx, sender, TRIES):
            raise ConflictError(f"code: there is none that holds for {found.address} any more; have a new one mailed")
        return hmac.compare_digest(kept.code_hash, given)

    # A wrong try is counted whatever follows, so it is a transaction of its own.
    if not office.write(counted):
        raise InvalidError("code: these are not the digits of the last mail")

    def authorised(tx: Any) -> None:
        senders.authorise(tx, sender, now)
        sender_codes.forget(tx, sender)

    office.write(authorised)
    return acts_senders.get(office, project, sender)


def _hash(office: Office, sender: int, code: str) -> bytes:
    return office.vault.hash_generated(f"sender {sender} {code}")


def _message_id(domain: Domain) -> str:
    return f"<code.{secrets.token_hex(16)}@{domain.name}>"


def _letter(domain: Domain, address: str, code: str, message_id: str, now: datetime) -> bytes:
    words = (
        f"Somebody wants to send mail as {address} through this server.\n\n"
        f"If that is you, enter this code: {code}\n\n"
        f"It is good for {GOOD.seconds // 60} minutes. If it is not you, do nothing, and nothing is sent.\n"
    )
    return own_letter.compose(domain.name, "Mailloft", address, f"Your code: {code}", words, message_id, now)
