"""Whether a chain of seals makes up for a DMARC failure: our local policy on ARC (RFC 8617 §7.2.1, RFC 7489 §6.7).

Pure. mta/inbound/authenticate asks where DMARC failed. Anybody can seal what they like, so a chain counts only where
every sealer of it is one that the operator trusts (`[authentication] trusted_sealers`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Chain:
    """`result` none, pass or fail; `sealers` who sealed; `vouched` the From domains that passed DMARC there."""

    result: str
    sealers: tuple[str, ...]
    vouched: frozenset[str]


UNSEALED: Final = Chain("none", (), frozenset())


def vouched_for(chain: Chain, author: str, trusted: Collection[str]) -> bool:
    """Whether somebody trusted saw this author's mail pass DMARC before it was changed on the way."""
    sealed = chain.result == "pass" and bool(chain.sealers)
    return sealed and author in chain.vouched and set(chain.sealers) <= set(trusted)
