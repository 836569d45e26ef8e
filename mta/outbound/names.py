"""Whether each of our addresses is called what it calls itself: PTR says the EHLO name, and that name leads back.

Receivers refuse mail of addresses where it does not (RFC 1912 §2.1, forward-confirmed reverse DNS). Looked at when the
sender starts and hourly; a mismatch is told, never a reason not to send.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Gauge

from net.resolver import Resolver
from net.source_names import mismatch
from policy.rotation import EgressSource
from role.log import EventLog

CONFIRMED = Gauge("mailloft_source_fcrdns", "1 where PTR and address of a source's EHLO name agree, else 0", ["source"])


async def check_names(resolver: Resolver, sources: Sequence[EgressSource], log: EventLog) -> None:
    for source in sources:
        wrong = await mismatch(resolver, source.address, source.ehlo)
        CONFIRMED.labels(source.address).set(0 if wrong else 1)
        if wrong:
            log.warning("source_name", source=source.address, ehlo=source.ehlo, wrong=wrong)
