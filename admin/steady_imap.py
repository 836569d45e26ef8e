"""Another IMAP server whose connection may be lost: it is made again, the folder opened again, the question repeated.

All that is asked there only reads, so a question that is put twice changes and doubles nothing. After a loss it is
tried PAUSES times more, each after a longer pause; an answer sets that back. Called by admin/acts/letters. Raises
ForeignError: at once for what is no loss, and when the tries are used up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from admin.foreign_imap import Account, Fetched, ForeignError, ForeignImap, LostError, signed_in
from policy.folder_mapping import Elsewhere

PAUSES: Final = (1.0, 4.0, 15.0, 60.0)  # seconds

T = TypeVar("T")


class SteadyImap:
    """As ForeignImap, whose questions it puts. `pause` waits so many seconds."""

    def __init__(self, account: Account, pause: Callable[[float], object]) -> None:
        self._account = account
        self._pause = pause
        self._open = ExitStack()
        self._reading: tuple[str, int] | None = None  # the folder, its UIDVALIDITY
        self._session = self._signed_in()

    def close(self) -> None:
        self._open.close()

    def folders(self) -> list[Elsewhere]:
        return self._asked(ForeignImap.folders)

    def prefix(self) -> str:
        return self._asked(ForeignImap.prefix)

    def examine(self, folder: str) -> tuple[int, list[int]]:
        self._reading = None
        uidvalidity, uids = self._asked(lambda session: session.examine(folder))
        self._reading = folder, uidvalidity
        return uidvalidity, uids

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        return self._asked(lambda session: session.sizes(uids))

    def mails(self, uids: Sequence[int]) -> dict[int, Fetched]:
        return self._asked(lambda session: session.mails(uids))

    def _asked(self, ask: Callable[[ForeignImap], T]) -> T:
        try:
            return ask(self._session)
        except LostError as error:
            lost = error
        for seconds in PAUSES:
            self._open.close()
            self._pause(seconds)
            try:
                self._session = self._signed_in()
                return ask(self._session)
            except LostError as error:
                lost = error
        raise lost

    def _signed_in(self) -> ForeignImap:
        session = self._open.enter_context(signed_in(self._account))
        if self._reading is not None:
            folder, known = self._reading
            if session.examine(folder)[0] != known:
                raise ForeignError(f"EXAMINE {folder}: another UIDVALIDITY than before the connection was lost")
        return session


@contextmanager
def steadily(account: Account, pause: Callable[[float], object]) -> Iterator[SteadyImap]:
    """A session, logged out at the end. The first sign-in is tried once. Raises ForeignError."""
    session = SteadyImap(account, pause)
    try:
        yield session
    finally:
        session.close()
