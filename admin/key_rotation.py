"""The clock's part of a DKIM rotation: published keys sign once DNS shows their records; retired ones are deleted.

Called by admin/clock.py. Names are asked for a second each and a few domains a round, since the clock has other
duties; what is not seen is asked again in a later round. Crash case: the switch is one transaction (store/dkim.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from admin.office import Office
from net.resolver import Resolver, Standing, texts
from role.log import EventLog
from store import dkim

DOMAINS: Final = 5  # a round
_SECONDS: Final = 1.0  # for one name
RETIRED_FOR: Final = timedelta(days=14)  # longer than any queue keeps a message that an old key signed


class Rotation:
    """`step` is the duty; it remembers where the last round ended."""

    def __init__(self, office: Office, resolver: Resolver, log: EventLog) -> None:
        self._office = office
        self._resolver = resolver
        self._log = log
        self._after = 0

    def step(self, now: datetime) -> None:
        with self._office.read() as connection:
            found = dkim.waiting(connection, self._after, DOMAINS)
        self._after = found[-1].domain_id if len(found) == DOMAINS else 0
        for one in found:
            if self._seen(one):
                self._switch(one, now)

    def sweep(self, now: datetime) -> None:
        """Delete keys whose mail has long arrived or come back."""
        self._office.write(lambda tx: dkim.forget_retired(tx, now - RETIRED_FOR))

    def _switch(self, one: dkim.Waiting, now: datetime) -> None:
        self._office.write(lambda tx: dkim.switch(tx, one.domain_id, now))
        self._log.info("dkim keys switched", domain=one.domain, selectors=[key.selector for key in one.keys])

    def _seen(self, one: dkim.Waiting) -> bool:
        """Whether every record is in DNS: a domain that signs with two keys must not switch to one."""
        return all(self._published(f"{key.selector}._domainkey.{one.domain}", key.record) for key in one.keys)

    def _published(self, host: str, record: str) -> bool:
        answer = self._resolver.ask_now(host, "TXT", _SECONDS)
        return answer.standing is Standing.FOUND and any(_key(text) == _key(record) for text in texts(answer))


def _key(record: str) -> tuple[str, str]:
    """The k= and p= of a key record (RFC 6376 §3.6.1), however it is spaced."""
    tags = {name.strip(): value for name, _, value in (tag.partition("=") for tag in record.split(";"))}
    return tags.get("k", "rsa").strip(), "".join(tags.get("p", "").split())
