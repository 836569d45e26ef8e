"""Mail that goes on to another host: whether, and what its reverse-path then is (PRODUCT M1, RFC 7208 appendix D.1).

Pure. mta/inbound/onward asks for each arrival, store/onward for the reverse-path. A failure is told to the first sender
only where that sender was proved, else whoever forges one would have us mail a stranger (backscatter).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from mail.address import Address
from mail.srs import Srs
from policy.acceptance import Purpose


def goes_on(purposes: Sequence[Purpose], *, junk: bool) -> bool:
    """Junk goes on only where no mailbox here keeps it: a host that gets it holds our address to blame."""
    return Purpose.RETURN in purposes or (Purpose.FORWARD in purposes and not (junk and Purpose.MAILBOX in purposes))


def is_proved(reverse_path: Address | None, authentication: Mapping[str, Any]) -> bool:
    """Whether the host that came was one of the reverse-path's domain (SPF), or the author's domain vouches for it."""
    if reverse_path is None:
        return False
    domain = reverse_path.ascii_domain
    by_spf = authentication.get("spf") == "pass" and authentication.get("spf_domain") == domain
    return by_spf or (authentication.get("dmarc") == "pass" and authentication.get("from_domain") == domain)


def onward_path(sender: Address | None, proved: bool, domain: str, srs: Srs, today: date) -> str:
    """The reverse-path in `domain`: "" for mail that had none, "@domain" for the signed address of the row itself."""
    if sender is None:
        return ""
    rewritten = srs.rewritten(sender, domain, today) if proved else None
    return str(rewritten) if rewritten else f"@{domain}"
