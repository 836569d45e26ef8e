"""ARC: what those who handed a message on say they saw of it, and whether their chain of seals holds (RFC 8617).

Called in a thread by mta/inbound/authenticate; the chain is validated by dkimpy over the look-ups of the message.
dkimpy's relaxed body is quadratic in blanks (200 kB of them: a minute), so ours takes its place when this module is
imported. Long chains and large messages are not validated: each seal costs a canonicalisation of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import authres  # type: ignore[import-untyped]  # it has no annotations
import dkim  # type: ignore[import-untyped]  # it has no annotations
from dkim.canonicalization import ALGORITHMS, Relaxed  # type: ignore[import-untyped]  # it has no annotations

from mail.dkim_body import linear_relaxed_body
from mail.header import Headers
from mta.inbound.lookups import Ask
from policy.trusted_sealers import UNSEALED, Chain

LONGEST: Final = 10  # seals; a mail passes through two or three
LARGEST: Final = 1024 * 1024  # octets
_SHORTEST_KEY: Final = 1024
_SET: Final = ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results")
_INSTANCE: Final = re.compile(r"\s*i\s*=\s*\d{1,3}\s*;")
_RESULTS: Final = 4_000  # characters of one ARC-Authentication-Results that are read


class LinearRelaxed(Relaxed):  # type: ignore[misc]  # the base is Any
    """dkimpy's relaxed canonicalisation with a body in linear time."""

    canonicalize_body = staticmethod(linear_relaxed_body)


ALGORITHMS[b"relaxed"] = LinearRelaxed


def check_arc(ask: Ask, content: bytes) -> Chain:
    """UNSEALED without a chain; "fail" for one that is broken or too long to be looked at."""
    headers = Headers.of(content)
    lengths = [len(headers.octets(name)) for name in _SET]
    if not any(lengths):
        return UNSEALED
    if max(lengths) > LONGEST or len(content) > LARGEST:
        return Chain("fail", (), frozenset())
    try:
        result, seen, _ = dkim.ARC(content, minkey=_SHORTEST_KEY).verify(dnsfunc=_key_of(ask))
    except Exception:  # noqa: BLE001 - hostile tags end anywhere in dkimpy
        return Chain("fail", (), frozenset())
    if result == dkim.CV_None:
        return UNSEALED
    if result != dkim.CV_Pass:
        return Chain("fail", (), frozenset())
    # What dkimpy saw, not what stands in the header: only that is sealed.
    vouched = (_vouched(bytes(one["aar-value"]).decode("latin-1")) for one in seen)
    return Chain("pass", tuple(_sealer(one) for one in seen), frozenset[str]().union(*vouched))


def _key_of(ask: Ask) -> Any:
    def look_up(name: bytes, timeout: float = 0) -> bytes | None:
        found = ask(name.decode("ascii", "replace"), "TXT")
        return b"".join(found[0].strings) if found else None

    return look_up


def _sealer(seen: Mapping[str, Any]) -> str:
    return bytes(seen.get("as-domain") or b"").decode("ascii", "replace").lower()


def _vouched(value: str) -> frozenset[str]:
    """The From domains for which this sealer saw DMARC pass."""
    text = _INSTANCE.sub("", value[:_RESULTS], count=1)
    try:
        results = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {text}").results
    except Exception:  # noqa: BLE001 - authres stumbles over what others write in many ways
        return frozenset()
    passed = (one for one in results if (one.method, one.result) == ("dmarc", "pass"))
    told = (prop for one in passed for prop in one.properties if (prop.type, prop.name) == ("header", "from"))
    return frozenset(str(prop.value).lower() for prop in told)
