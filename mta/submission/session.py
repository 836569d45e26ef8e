"""The submission side of the dialogue on ports 465 and 587: who signs in, as whom they send, and the queue (RFC 6409).

One object a connection over mta/smtp_server, all sharing one `Desk`. Nobody signs in or sends in clear, but for the
loopback networks of `[submission] trusted`. A message is in the queue, its bytes once and a row for each recipient,
before it gets its 250.
"""

from __future__ import annotations

import asyncio
import binascii
import secrets
from base64 import b64decode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import ClassVar, Final, TypeVar

from prometheus_client import Counter

from mail.address import Address
from mail.header import Headers
from mta.smtp_command import Envelope
from mta.smtp_listener import Listener
from mta.smtp_server import SmtpServer
from mta.submission.message import author, completed, message_id, refusal, waives_tls
from mta.submission.sign_in import Attempts, Submitter, belongs, is_slow, sign_in, trusted
from policy.submission_replies import (
    DOMAIN_UNKNOWN,
    NEEDS_LOGIN,
    NEEDS_TLS,
    NOT_VERIFIED,
    SIGNED_IN,
    TOO_MANY_LOGINS,
    UNAVAILABLE,
    WRONG_LOGIN,
    not_the_sender,
)
from store.disk import is_full
from store.injection import Forward, HandedIn, Submitted
from store.secrets import Vault
from store.settings import TrustedNetwork
from store.spool import BLOB_LIMIT, Spool, Stored
from store.stores import Stores
from store.together import Together

T = TypeVar("T")
# outcome: right, wrong, slowed (after too many wrong ones)
SIGN_INS: Final = Counter("mailloft_submission_sign_ins_total", "Sign-ins to submission by how they ended", ["outcome"])
POOL: Final = "transactional"
_FULL: Final = "452 4.3.1 No space for the message now, try again later"
_LOGIN_LIMIT: Final = 320  # characters of a login, and of a secret


@dataclass(frozen=True, slots=True)
class Desk:
    """What all sessions of one process share; `pool` for what blocks."""

    listener: Listener
    stores: Stores
    spool: Spool
    vault: Vault
    attempts: Attempts
    networks: tuple[TrustedNetwork, ...]
    pool: ThreadPoolExecutor
    passwords: ThreadPoolExecutor  # few threads: a check takes 64 MiB
    addressees: Together[tuple[int, Address], str | None]  # store/addressee.py
    queue: Together[HandedIn, int]  # store/injection.py

    async def off_loop(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(work, *arguments))


class SubmissionSession(SmtpServer[Forward]):
    COMMANDS: ClassVar[Mapping[str, str]] = {**SmtpServer.COMMANDS, "AUTH": "auth"}

    def __init__(self, desk: Desk, secured: bool) -> None:
        super().__init__(desk.listener, secured)
        self._desk = desk
        self._submitter: Submitter | None = None

    def extensions(self) -> list[str]:
        return ["AUTH PLAIN LOGIN", "REQUIRETLS"] if self.secured else []

    # --- signing in ---------------------------------------------------------------------------------------

    async def auth(self, arg: str | None) -> None:
        if not self.secured:
            await self.push("538 5.7.11 Encryption required for requested authentication mechanism")
        elif not self.helo or self.mail is not None or self._submitter is not None:
            await self.push("503 5.5.1 Not now")
        elif self._desk.attempts.too_many(self.peer, self.loop.time()):
            SIGN_INS.labels("slowed").inc()
            self.listener.refused("too_many_logins")
            await self.push(TOO_MANY_LOGINS)
        else:
            mechanism, _, initial = (arg or "").partition(" ")
            match mechanism.upper():
                case "PLAIN":
                    await self._plain(initial)
                case "LOGIN":
                    await self._login(initial)
                case _:
                    await self.push("504 5.5.4 PLAIN or LOGIN")

    async def _plain(self, initial: str) -> None:
        octets = await self._octets(initial, "")
        if octets is not None:
            pieces = octets.split(b"\0")
            # The first piece, on whose behalf, may be empty or the login itself (RFC 4616).
            if len(pieces) != 3 or pieces[0] not in (b"", pieces[1]):
                await self.push("501 5.5.2 Not the form of AUTH PLAIN")
            else:
                await self._check(pieces[1], pieces[2])

    async def _login(self, initial: str) -> None:
        login = await self._octets(initial, "Username:")
        secret = await self._octets("", "Password:") if login is not None else None
        if login is not None and secret is not None:
            await self._check(login, secret)

    async def _octets(self, initial: str, challenge: str) -> bytes | None:
        """The decoded answer; None where it was none, which the peer has been told."""
        if not initial:
            return await self.challenge(challenge)
        try:
            return b"" if initial == "=" else b64decode(initial, validate=True)
        except binascii.Error:
            await self.push("501 5.5.2 Not base64")
            return None

    async def _check(self, login: bytes, secret: bytes) -> None:
        desk, name = self._desk, login.decode("utf-8", "replace")[:_LOGIN_LIMIT]
        words = secret.decode("utf-8", "replace")[:_LOGIN_LIMIT]
        pool = desk.passwords if is_slow(name) else desk.pool
        self._submitter = await self.loop.run_in_executor(pool, sign_in, desk.stores, desk.vault, name, words)
        SIGN_INS.labels("wrong" if self._submitter is None else "right").inc()
        if self._submitter is None:
            desk.attempts.fail(self.peer, self.loop.time())
            self.listener.refused("login")
            self.listener.log.warning("sign-in failed", peer=self.peer, login=name)
        await self.push(SIGNED_IN if self._submitter else WRONG_LOGIN)

    # --- envelope -----------------------------------------------------------------------------------------

    async def judge_sender(self, mail: Envelope) -> str | None:
        if self._submitter is None and self._desk.networks:
            self._submitter = await self._desk.off_loop(trusted, self._desk.stores, self._desk.networks, self.peer)
        if self._submitter is None:
            self.listener.refused("not_signed_in")
            return NEEDS_LOGIN if self.secured else NEEDS_TLS
        claimed = mail.reverse_path
        if claimed is None or claimed.normalised != self._submitter.sender.normalised:
            return await self._not_the_sender(self._submitter, claimed)
        if not self._submitter.sending:
            self.listener.refused("domain_not_verified")
            return NOT_VERIFIED
        return None

    async def _not_the_sender(self, submitter: Submitter, claimed: Address | None) -> str:
        self.listener.refused("not_the_sender")
        desk, project = self._desk, submitter.connection.project
        if claimed is not None and not await desk.off_loop(belongs, desk.stores, project, claimed.ascii_domain):
            return DOMAIN_UNKNOWN
        return not_the_sender(str(submitter.sender))

    async def judge_recipient(self, address: Address | None) -> Forward | str:
        if address is None or self._submitter is None:
            return "550 5.1.3 A whole address is needed"
        project = self._submitter.connection.project
        refused = await asyncio.wrap_future(self._desk.addressees.ask((project, address)))
        if refused is not None:
            self.listener.refused("addressee")
            return refused
        return Forward(str(address), address.normalised, address.ascii_domain)

    # --- content ------------------------------------------------------------------------------------------

    async def take_content(self, mail: Envelope, content: bytes) -> str:
        submitter = self._submitter
        if submitter is None:
            return NEEDS_LOGIN
        headers = Headers.of(content)
        if refused := refusal(headers, submitter.sender):
            self.listener.refused("from")
            claimed = author(headers)
            if claimed is not None and claimed.ascii_domain != submitter.sender.ascii_domain:
                return await self._not_the_sender(submitter, claimed)
            return refused
        return await asyncio.shield(self._queue(submitter, mail, headers, content))

    async def _queue(self, submitter: Submitter, mail: Envelope, headers: Headers, content: bytes) -> str:
        """Crash case: killed before the commit, the program had no 250 and repeats; after it, the mail is queued."""
        now, name, forwards = datetime.now(UTC), secrets.token_hex(12), tuple(self.recipients)
        made_id = f"<{name}@{submitter.sender.ascii_domain}>"
        whole = completed(content, headers, made_id, self._trace(name, now), now)
        try:
            stored = await self._store(whole)
            submitted = Submitted(
                submitter.connection.project,
                submitter.connection.id,
                str(submitter.sender),
                message_id(headers) or made_id,
                stored,
                POOL,
                submitter.connection.retry,
                True if mail.requires_tls else waives_tls(headers),
            )
            message = await asyncio.wrap_future(self._desk.queue.ask(HandedIn(submitted, forwards, now)))
        except Exception as error:  # noqa: BLE001 - whatever the store raises, the program keeps its message
            self.listener.log.error("submission not queued", raised=error, connection=submitter.connection.id)
            self.listener.refused("not_saved")
            return _FULL if is_full(error) else UNAVAILABLE
        self.listener.accepted(len(whole))
        self.listener.log.info(
            "submitted",
            message=message,
            connection=submitter.connection.id,
            message_id=submitted.message_id,
            recipients=len(forwards),
            size_bytes=len(whole),
        )
        return f"250 2.0.0 Queued as {message}"

    async def _store(self, whole: bytes) -> Stored:
        if len(whole) <= BLOB_LIMIT:
            return self._desk.spool.put(whole)
        return await self._desk.off_loop(self._desk.spool.put, whole)

    def _trace(self, name: str, now: datetime) -> str:
        """Without the program's own address: the addressees need not know where an office is."""
        protocol = "ESMTPSA" if self.secured else "ESMTPA"
        return f"Received: by {self.listener.hostname} with {protocol} id {name};\r\n\t{format_datetime(now)}\r\n"
