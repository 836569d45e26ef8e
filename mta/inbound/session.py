"""The MX's side of the dialogue on port 25: who may send to whom, and what a whole message goes through.

One object a connection over mta/smtp_server, all sharing one `Desk`. RCPT is decided by policy/acceptance on one short
read; behind DATA come the hop count, SPF, DKIM, DMARC, then the commit of mta/inbound/accept, then the 250. All
refusals are in the session: nothing of ours ever bounces to a sender who did not authenticate (backscatter).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from mail.address import Address
from mail.header import HEADER_LIMIT, Headers, split
from mta.inbound.accept import FAILED, Intake, Pieces, accept
from mta.inbound.authenticate import Authentication, Peer
from mta.inbound.headers import HOPS, delivered_to, hops, trace, without_forged
from mta.inbound.judging import Judging
from mta.inbound.screen import Letter, Screened, Screener, is_at_home
from mta.inbound.weigh import Weighed, Weigher
from mta.smtp_command import Envelope
from mta.smtp_listener import Listener
from mta.smtp_server import SmtpServer
from net.rspamd import Question
from policy.acceptance import Accepted, Purpose, Refusal, full
from store.addresses import fullness
from store.arrivals import Received
from store.forward_paths import Asked, Verdict
from store.spool import Spool
from store.stores import Stores
from store.together import Together

_REASONS: Final = {
    Refusal.RELAY: "relay",
    Refusal.UNKNOWN: "unknown",
    Refusal.FORGED: "forged_token",
    Refusal.STALE: "stale_return",
    Refusal.UNWANTED: "unwanted",
}
_UNKNOWN: Final = frozenset(Refusal) - {Refusal.UNWANTED}  # what a guess is answered
_LOOP: Final = "554 5.4.6 The message goes round in circles"


@dataclass(frozen=True, slots=True)
class Desk:
    """What all sessions of one process share; `pool` for what blocks."""

    listener: Listener
    stores: Stores
    spool: Spool
    intake: Intake
    judging: Judging
    recipients: Together[Asked, Verdict]  # store/forward_paths.py
    screener: Screener
    weigher: Weigher | None
    pool: ThreadPoolExecutor

    async def recipient(self, asked: Asked, size: int) -> Verdict | str:
        """What it stands for, or why not; a text is the whole reply."""
        verdict = await asyncio.wrap_future(self.recipients.ask(asked))
        return verdict if isinstance(verdict, Refusal) else await self.fullness(verdict, size) or verdict

    async def fullness(self, recipients: Sequence[Accepted], size: int) -> str | None:
        """The refusal where a mailbox has no room for `size` octets."""
        if all(one.quota is None for one in recipients):
            return None
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._fullness, recipients, size)

    def _fullness(self, recipients: Sequence[Accepted], size: int) -> str | None:
        if all(one.quota is None for one in recipients):
            return None
        with self.stores.mail.database.read() as mail:
            return full(fullness(mail, recipients), size)

    async def screened(self, letter: Letter) -> Screened:
        if is_at_home(letter.peer):
            return Screened()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, self.screener.screen, letter, datetime.now(UTC))


class MxSession(SmtpServer[tuple[Accepted, ...]]):
    COMMANDS: ClassVar[Mapping[str, str]] = {**SmtpServer.COMMANDS, "AUTH": "auth"}

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.listener)
        self._desk = desk

    async def judge_sender(self, mail: Envelope) -> str | None:
        return None

    async def judge_recipient(self, address: Address | None) -> tuple[Accepted, ...] | str:
        asked = address or Address("postmaster", self.listener.hostname)
        try:
            verdict = await self._desk.recipient(Asked(asked, _path(self.mail)), self.mail.size if self.mail else 0)
        except Exception as error:  # noqa: BLE001 - without its look-up a recipient is neither taken nor refused
            self.listener.log.error("recipient not looked up", raised=error, peer=self.peer)
            return FAILED
        if isinstance(verdict, Refusal):
            self.listener.refused(_REASONS[verdict])
            if verdict in _UNKNOWN:
                self.listener.guessed(self.peer)
            return verdict.value
        if isinstance(verdict, str):
            self.listener.refused("over_quota")
            return verdict
        return self._unfit(verdict[0].purpose) or verdict

    def _unfit(self, purpose: Purpose) -> str | None:
        """Programs' addresses take what they are for."""
        reporting = self.mail is not None and self.mail.reverse_path is None
        if purpose is Purpose.UNSUBSCRIBE and reporting:
            # A report about a mail to the unsubscribe address is no person's wish.
            self.listener.refused("unsubscribe_by_report")
            return "550 5.7.1 This address takes no reports"
        if purpose is Purpose.RETURN and not reporting:
            # Else it would be an open way to whoever once wrote to an alias.
            self.listener.refused("return_not_report")
            return "550 5.7.1 This address takes reports only"
        return None

    async def take_content(self, mail: Envelope, content: bytes) -> str:
        body = split(content[: HEADER_LIMIT + 4])
        if body > HEADER_LIMIT:
            # What stands behind is read by nobody here, and perhaps by who opens the mail: another From.
            self.listener.refused("header")
            return "552 5.3.4 The header is too large"
        headers = Headers.between(content, 0, body)
        if hops(headers) > HOPS:
            self.listener.refused("loop")
            return _LOOP
        recipients = [one for accepted in self.recipients for one in accepted]
        if not delivered_to(headers).isdisjoint(one.address for one in recipients if one.purpose is Purpose.FORWARD):
            self.listener.refused("loop")
            return _LOOP
        if refusal := await self._desk.fullness(recipients, len(content)):
            self.listener.refused("over_quota")
            return refusal
        reverse_path = _path(mail)
        found = await self._desk.judging.authenticate(Peer(self.peer, self.helo), reverse_path, content)
        if refusal := self._judge(found):
            return refusal
        screened = await self._screened(reverse_path, found, recipients)
        if screened.refusal is not None:
            self.listener.refused("greylisted")
            return screened.refusal
        weighed = await self._weighed(reverse_path, content, recipients)
        if weighed.refusal is not None:
            self.listener.refused("rspamd")
            return weighed.refusal
        summary = found.summary() | ({"listed": list(screened.listed)} if screened.listed else {})
        summary |= {"spam": True} if weighed.junk else {}
        above = self._above(mail, reverse_path, found, weighed.field, name := secrets.token_hex(8))
        # The body is not copied: of 25 MB that would hold up every other session.
        pieces = (above + without_forged(content[:body], self.listener.hostname), memoryview(content)[body:])
        return await self._keep(reverse_path, found, summary, name, pieces, recipients)

    async def _screened(self, reverse_path: str, found: Authentication, recipients: Sequence[Accepted]) -> Screened:
        people = _people(recipients)
        if not people:  # reports do not come again for being put off
            return Screened()
        letter = Letter(self.peer, reverse_path, people, found.spf.result, found.results.iprev)
        return await self._desk.screened(letter)

    async def _weighed(self, reverse_path: str, content: bytes, recipients: Sequence[Accepted]) -> Weighed:
        people = _people(recipients)
        if self._desk.weigher is None or not people:
            return Weighed()
        return await self._desk.weigher.weigh(Question(self.peer, self.helo, reverse_path, people), content)

    def _judge(self, found: Authentication) -> str | None:
        if found.authors > 1:
            self.listener.refused("authors")
            return "550 5.7.1 From names addresses of several domains"
        if found.refused:
            self.listener.refused("dmarc")
            self.listener.log.info("dmarc refused", peer=self.peer, from_domain=found.from_domain)
            return f"550 5.7.1 Refused by the DMARC policy of {found.from_domain}"
        return None

    def _above(self, mail: Envelope, reverse_path: str, found: Authentication, field: bytes, name: str) -> bytes:
        results, protocol, now = found.header + field, self._protocol(mail), datetime.now(UTC)
        return trace(reverse_path, results, self.peer, self.helo, protocol, self.listener.hostname, name, now)

    async def _keep(
        self, reverse_path: str, found: Authentication, summary: dict[str, Any], name: str, pieces: Pieces,
        recipients: Sequence[Accepted],
    ) -> str:  # fmt: skip
        received = Received(datetime.now(UTC), reverse_path, self.peer, self.helo, self.secured, summary)
        desk, octets = self._desk, sum(map(len, pieces))
        taken = await accept(desk.intake, desk.spool, self.listener.log, received, pieces, recipients)
        if taken.refusal is not None:
            self.listener.refused("not_saved")
            return taken.refusal
        self.listener.accepted(octets)
        self.listener.log.info(
            "accepted",
            arrival=taken.arrival,
            id=name,
            peer=self.peer,
            reverse_path=reverse_path,
            recipients=[recipient.address for recipient in recipients],
            size_bytes=octets,
            spf=found.spf.result,
            dmarc=found.verdict.result.value,
        )
        return f"250 2.0.0 Accepted as {name}"

    def _protocol(self, mail: Envelope) -> str:
        """The word behind `with` (RFC 3848, RFC 6531 §4.3)."""
        secured = "S" if self.secured else ""
        if mail.internationalised:
            return f"UTF8SMTP{secured}"
        return f"ESMTP{secured}" if self.extended else "SMTP"

    async def auth(self, argument: str | None) -> None:
        await self.push("502 5.5.1 Nobody signs in here: programs use ports 465 and 587")


def _path(mail: Envelope | None) -> str:
    """The reverse-path, "" for the null one."""
    return str(mail.reverse_path) if mail is not None and mail.reverse_path else ""


def _people(recipients: Sequence[Accepted]) -> list[str]:
    return [one.address for one in recipients if one.purpose in (Purpose.MAILBOX, Purpose.FORWARD)]
