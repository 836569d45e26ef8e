"""The mails of the selected folder that a SEARCH key finds, read no further than each needs.

Called from the thread that steps the command. A read transaction has at most BATCH rows and is over before anything is
answered; rows are judged as they come, so that of many long texts only a few are in memory. A text that was too long
to be kept is made of the mail's octets, one mail at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from imap.search import Judge, Mail, Place, Read, columns, judge
from imap.session import Session
from imap.wire_search import Key
from mail.search_text import text_of
from store import content_rows, mail_scan, search_rows
from store.mail_scan import BATCH

_STEPS: Final = (Read.ROW, Read.HEADER, Read.TEXT)


def found(session: Session, key: Key) -> Iterator[Mail]:
    """In the order of their numbers."""
    view = session.selected
    place = Place(
        last_number=len(view.uids),
        last_uid=view.uids[-1] if view.uids else 0,
        saved=frozenset(view.saved),
        now=session.backing.now(),
        recent=view.recent,
    )
    finder = _Finder(session, judge(key, place), columns(key))
    for start in range(0, len(view.uids), BATCH):
        uids = view.uids[start : start + BATCH]
        yield from finder.batch([Mail(uid, number) for number, uid in enumerate(uids, start + 1)])


class _Finder:
    def __init__(self, session: Session, holds: Judge, wanted: dict[Read, list[str]]) -> None:
        self._backing = session.backing
        self._folder_id = session.selected.folder.id
        self._holds = holds
        self._wanted = wanted

    def batch(self, mails: list[Mail]) -> list[Mail]:
        """Those that are found, in their order."""
        hits: list[Mail] = []
        undecided = self._sifted(mails, hits)
        for step in _STEPS:
            if undecided and step in self._wanted:
                undecided = self._sifted(self._read(undecided, step), hits)
        hits.sort(key=lambda mail: mail.number)
        return hits

    def _sifted(self, mails: Iterable[Mail], hits: list[Mail]) -> list[Mail]:
        """Adds to `hits` what is found; of what is answered nothing can be told yet."""
        undecided: list[Mail] = []
        for mail in mails:
            holds = self._holds(mail)
            if holds:
                hits.append(mail)
            elif holds is None:
                undecided.append(mail)
            mail.text = mail.inner = b""
        return undecided

    def _read(self, mails: list[Mail], step: Read) -> Iterator[Mail]:
        """Those that are still there, with what the step reads of them."""
        names = self._wanted[step]
        scan = mail_scan.scan if step is Read.ROW else search_rows.scan
        of_uid = {mail.uid: mail for mail in mails}
        not_kept: list[Mail] = []
        with self._backing.stores.mail.database.read() as tx:
            for row in scan(tx, self._folder_id, list(of_uid), names):
                mail = of_uid[row[0]]
                for place, name in enumerate(names, 1):
                    setattr(mail, name, row[place])
                mail.read = step
                if step is Read.TEXT and mail.text is None:
                    not_kept.append(mail)
                else:
                    yield mail
        for mail in not_kept:
            yield from self._made(mail)

    def _made(self, mail: Mail) -> Iterator[Mail]:
        with self._backing.stores.mail.database.read() as tx:
            kept = content_rows.bytes_of_mail(tx, self._folder_id, mail.uid)
        if kept is None:
            return
        try:
            mail.text = text_of(self._backing.spool.get(*kept))
        except FileNotFoundError:
            return
        yield mail
