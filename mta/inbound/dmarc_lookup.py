"""Finds the DMARC record that holds for a domain, and organizational domains: by list or by tree walk.

Blocking, over the look-ups of one message; for mta/inbound/authenticate. RFC 7489 §6.6.3 with the public suffix list,
or RFC 9989 §4.10 with no list, as `[authentication] organization` says. Raises UnansweredError.
"""

from __future__ import annotations

from dataclasses import replace

from mta.inbound.lookups import Budget
from net.resolver import record_texts
from policy.authentication import DmarcRecord, Published, only_record
from policy.organization import by_list, ends_walk, organization_of, steps


class UnansweredError(Exception):
    """A name server did not answer: nothing can be said for now."""


class Records:
    """`walking`: by tree walk, where `pct` counts no more."""

    def __init__(self, budget: Budget, *, walking: bool) -> None:
        self._budget = budget
        self._walking = walking
        self._met: dict[str, DmarcRecord | None] = {}

    def published(self, domain: str) -> Published | None:
        """What holds for mail of that domain; UnansweredError where it cannot be known now."""
        candidates = self._candidates(domain)
        for place in dict.fromkeys(candidates):
            if record := self._at(place):
                exists = place == domain or self._budget.exists(domain)
                return Published(replace(record, percent=100) if self._walking else record, place, exists)
        return None

    def organizational(self, domain: str) -> str:
        return self._walk(domain)[0] if self._walking else by_list(domain)

    def _candidates(self, domain: str) -> tuple[str, ...]:
        if not self._walking:
            return domain, by_list(domain)
        owner, suffix = self._walk(domain)
        return (domain, owner, suffix) if suffix else (domain, owner)

    def _walk(self, domain: str) -> tuple[str, str]:
        """The organizational domain, and the public suffix above it that publishes a record, "" without."""
        met: dict[str, DmarcRecord] = {}
        for place in steps(domain):
            record = self._at(place)
            if record is not None:
                met[place] = record
            if ends_walk(place, domain, record):
                break
        suffix = next((place for place, record in met.items() if record.suffix == "y"), "")
        return organization_of(domain, met), suffix

    def _at(self, domain: str) -> DmarcRecord | None:
        if domain not in self._met:
            found = self._budget.ask(f"_dmarc.{domain}", "TXT")
            if found is None:
                raise UnansweredError(domain)
            self._met[domain] = only_record(record_texts(found))
        return self._met[domain]
