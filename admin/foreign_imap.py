"""Another IMAP server, read only: its folders, which UIDs are in one, and the mails themselves, never marked as read.

IMAPClient does the protocol. Certificates are verified, by the machine's authorities or a file of one's own. Raises
ForeignError, which says what the server said, for whatever goes wrong with it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from imaplib import IMAP4
from pathlib import Path
from typing import Any, Final

from imapclient import IMAPClient  # type: ignore[import-untyped]  # it has no types
from imapclient.exceptions import (  # type: ignore[import-untyped]  # it has no types
    CapabilityError,
    IMAPClientError,
    LoginError,
)

from policy.folder_mapping import INBOX, Elsewhere

_SECONDS: Final = 120.0
_FAULTS: Final = (IMAPClientError, IMAP4.error, OSError, ValueError, KeyError)


class ForeignError(Exception):
    """The other server, or the way to it."""


class LostError(ForeignError):
    """The connection: another may do."""


class Tls(Enum):
    IMPLICIT = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Account:
    """`ca_file` None: the authorities of the machine. `by_token`: `password` is an access token, said by XOAUTH2."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: Tls
    ca_file: Path | None = None
    by_token: bool = False

    @property
    def source(self) -> str:
        """Names server and account in the rows that remember how far it was read."""
        return f"{self.user}@{self.host.lower()}:{self.port}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail as it is there; `date` is aware, `flags` without \\Recent."""

    uid: int
    octets: bytes
    flags: tuple[str, ...]
    date: datetime | None


class ForeignImap:
    """One signed-in session, for one thread."""

    def __init__(self, client: IMAPClient) -> None:
        self._client = client

    def folders(self) -> list[Elsewhere]:
        """Those of the account's own namespace and below it."""
        with _told("LIST"):
            return [
                Elsewhere(
                    INBOX if str(name).upper() == INBOX else str(name),
                    delimiter.decode() if delimiter else "",
                    frozenset(flag.decode("ascii", "replace").lower() for flag in flags),
                )
                for flags, delimiter, name in self._client.list_folders()
            ]

    def prefix(self) -> str:
        """Of the personal namespace; empty where the server has none or does not tell."""
        try:
            personal = self._client.namespace().personal
        except CapabilityError:
            return ""
        except _FAULTS as error:
            raise _kind(error)(f"NAMESPACE: {_words(error)}") from error
        return str(personal[0][0] or "") if personal else ""

    def examine(self, folder: str) -> tuple[int, list[int]]:
        """Its UIDVALIDITY and all UIDs, ascending; it is now the folder that is read."""
        with _told(f"EXAMINE {folder}"):
            selected = self._client.select_folder(folder, readonly=True)
            uids = self._client.search("ALL") if selected[b"EXISTS"] else []
            return int(selected[b"UIDVALIDITY"]), sorted(int(uid) for uid in uids)

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        with _told("FETCH RFC822.SIZE"):
            told = self._client.fetch(uids, ["RFC822.SIZE"])
            return {uid: int(one[b"RFC822.SIZE"]) for uid, one in told.items() if b"RFC822.SIZE" in one}

    def mails(self, uids: Sequence[int]) -> dict[int, Fetched]:
        """Those that are there still."""
        with _told("FETCH BODY.PEEK[]"):
            told = self._client.fetch(uids, ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])
            return {uid: _fetched(uid, one) for uid, one in told.items() if b"BODY[]" in one}


@contextmanager
def signed_in(account: Account) -> Iterator[ForeignImap]:
    """A session, logged out at the end. Raises ForeignError."""
    where = f"{account.host} port {account.port}"
    try:
        client = _connected(account)
    except ssl.SSLError as error:
        if isinstance(error, ssl.SSLEOFError):
            raise LostError(f"{where}: {_words(error)}") from error
        mend = "name an authority with --ca-file, or the host as its certificate does"
        raise ForeignError(f"{where}: TLS failed: {_words(error)}; {mend}") from error
    except _FAULTS as error:
        raise _kind(error)(f"{where}: {_words(error)}") from error
    try:
        try:
            sign_in = client.oauth2_login if account.by_token else client.login
            sign_in(account.user, account.password)
        except LoginError as error:
            raise ForeignError(f"{where}: it does not let {account.user} in: {_words(error)}") from error
        except _FAULTS as error:
            raise _kind(error)(f"{where}: {_words(error)}") from error
        yield ForeignImap(client)
    finally:
        _leave(client)


def _connected(account: Account) -> IMAPClient:
    trust = ssl.create_default_context(cafile=str(account.ca_file) if account.ca_file else None)
    implicit = account.tls is Tls.IMPLICIT
    client = IMAPClient(
        account.host, account.port, ssl=implicit, ssl_context=trust if implicit else None, timeout=_SECONDS
    )
    client.normalise_times = False
    if account.tls is Tls.STARTTLS:
        try:
            client.starttls(trust)
        except BaseException:
            _leave(client)
            raise
    return client


def _leave(client: IMAPClient) -> None:
    try:
        client.logout()
    except _FAULTS:
        with suppress(*_FAULTS):  # a connection that broke has no end of its own
            client.shutdown()


def _fetched(uid: int, told: Any) -> Fetched:
    flags = (flag.decode("utf-8", "replace") for flag in told.get(b"FLAGS", ()))
    kept = tuple(flag for flag in flags if flag.lower() != "\\recent")
    return Fetched(uid, bytes(told[b"BODY[]"] or b""), kept, told.get(b"INTERNALDATE"))


@contextmanager
def _told(doing: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise _kind(error)(f"{doing}: {_words(error)}") from error


def _kind(error: BaseException) -> type[ForeignError]:
    return LostError if isinstance(error, OSError | IMAP4.abort) else ForeignError


def _words(error: BaseException) -> str:
    """What went wrong in one bounded line, the server's words in it."""
    said = str(error) or type(error).__name__
    return "".join(char if char.isprintable() else " " for char in said)[:300]
