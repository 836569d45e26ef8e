"""Mails of the appliance to its people: a record of their domain broke, their request was decided (PRODUCT D5, S2).

Queued in the transaction of what they tell, so that none is lost and none tells what did not happen. Each is in the
language that its reader chose in the panel, English where none was, holds no secret, and goes only to a login that is
an address; where our host name is in no domain that may send, none is sent and the panel alone tells.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import Any, Final

from admin.finding_lines import finding_lines
from admin.office import Office
from admin.pages.catalogue import Words
from admin.report_desk import ReportDesk
from mail import own_letter
from mail.address import Address, parse_mailbox
from policy.domain_verdict import OK, UNKNOWN, Finding
from store import people
from store.domains import Domain
from store.people import Person
from store.report_mail import queue_report

_OWNERS: Final = 100
_LOCAL: Final = "postmaster"
_LINE: Final = 200  # letters; a line of a mail holds 998 octets
Lines = Callable[[Words], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Notice:
    """`what` is below `notices` in admin/words; `path` leads to the page where it is seen."""

    what: str
    subject: str
    lines: Lines
    path: str


@dataclass(frozen=True, slots=True)
class Notices:
    """`sender` None: nothing can be sent."""

    office: Office
    sender: Domain | None

    def tell(self, tx: Any, project: int, notice: Notice, now: datetime, person: int | None = None) -> int:
        """To that person, or where there is none any more to the project's owners; how many mails were queued."""
        if self.sender is None:
            return 0
        found = people.get(tx, person) if person is not None else None
        readers = [found] if found else [one for one in people.page(tx, project, 0, _OWNERS) if one.role == "owner"]
        return sum(self._send(tx, self.sender, one, notice, now) for one in readers)

    def _send(self, tx: Any, sender: Domain, reader: Person, notice: Notice, now: datetime) -> bool:
        to = _address(reader.login)
        if to is None:
            return False
        words = Words(reader.language or "en")
        subject = words.plain(f"notices.{notice.what}.subject", subject=notice.subject)
        link = f"{self.office.settings.admin.url.rstrip('/')}{notice.path}"
        body = "\n".join([*notice.lines(words), "", link, "", words.plain("notices.signed", host=self.office.hostname)])
        message_id = f"<notice.{secrets.token_hex(16)}@{sender.name}>"
        letter = own_letter.compose(sender.name, "Mailloft", str(to), subject, body, message_id, now)
        return queue_report(
            tx, sender, _LOCAL, to, message_id, self.office.spool.put(letter), now, whatever_tls=False
        )  # fmt: skip


def notices(office: Office) -> Notices:
    return Notices(office, ReportDesk(office, office.spool).sender())


def record_broke(domain: Domain, state: str, found: Sequence[Finding]) -> Notice:
    """A state is taken back a day later unless the records are mended."""

    def lines(words: Words) -> list[str]:
        named = words.plain(f"domains.state.{state}")
        return [words.plain("notices.domain_broke.words", domain=domain.name, state=named), "", *_mends(words, found)]

    return Notice("domain_broke", domain.name, lines, f"/p/{domain.project}/domains/{domain.name}")


def state_fell(domain: Domain, state: str, found: Sequence[Finding]) -> Notice:
    def lines(words: Words) -> list[str]:
        named = words.plain(f"domains.state.{state}")
        return [words.plain("notices.domain_fell.words", domain=domain.name, state=named), "", *_mends(words, found)]

    return Notice("domain_fell", domain.name, lines, f"/p/{domain.project}/domains/{domain.name}")


def decided(project: int, connection: int, name: str, approved: bool, reason: str) -> Notice:
    what = "connection_approved" if approved else "connection_rejected"

    def lines(words: Words) -> list[str]:
        return [words.plain(f"notices.{what}.words", name=name), *wrap(reason, _LINE)]

    return Notice(what, name, lines, f"/p/{project}/connections/{connection}")


def _mends(words: Words, found: Sequence[Finding]) -> list[str]:
    """What is wrong with each record, and what to publish."""
    wrong = [one for one in found if one.mistake not in (OK, UNKNOWN)]
    return [line for one in wrong for line in (*finding_lines(words, one), "")]


def _address(login: str) -> Address | None:
    try:
        return parse_mailbox(login)
    except ValueError:
        return None
