"""Which domains belong together: by the public suffix list (RFC 7489 §3.2), or by tree walk (RFC 9989 §4.10).

Pure. For the walk: which names to ask, and what their records make of it; mta/inbound/dmarc_lookup asks. The list is
the one that publicsuffixlist ships; admin/dmarc_reports.py needs it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from publicsuffixlist import PublicSuffixList

from policy.authentication import DmarcRecord

_SUFFIXES: Final = PublicSuffixList()
LONGEST: Final = 7  # labels of the second name that is asked; so eight questions at most


def by_list(domain: str) -> str:
    """One label below the public suffix; a suffix itself stays as it is."""
    return str(_SUFFIXES.privatesuffix(domain) or domain)


def steps(domain: str) -> list[str]:
    """The domain itself, then its parents up to the top; a long name goes on with its last LONGEST labels."""
    labels = domain.split(".")
    rest = labels[1:] if len(labels) <= LONGEST + 1 else labels[-LONGEST:]
    return [domain, *(".".join(rest[at:]) for at in range(len(rest)))]


def ends_walk(domain: str, start: str, record: DmarcRecord | None) -> bool:
    """Whether nothing above this name has to be asked."""
    return record is not None and (record.suffix == "n" or (record.suffix == "y" and domain != start))


def organization_of(start: str, records: Mapping[str, DmarcRecord]) -> str:
    """The organizational domain, from the records that the walk met; the domain itself where it met none."""
    found = start
    for domain in steps(start):
        record = records.get(domain)
        if record is None:
            continue
        if record.suffix == "n":
            return domain
        if record.suffix == "y" and domain != start:
            return below(start, domain)
        found = domain
    return found


def below(start: str, suffix: str) -> str:
    """The name one label below `suffix` on the way to `start`."""
    return ".".join(start.split(".")[-len(suffix.split(".")) - 1 :])
