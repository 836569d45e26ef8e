"""What was found out about a message, and the Authentication-Results field that says so (RFC 8601).

Pure but for authres, which writes the field. Called by mta/inbound/authenticate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import authres  # type: ignore[import-untyped]  # it has no annotations
from authres.arc import ARCAuthenticationResult  # type: ignore[import-untyped]  # it has no annotations
from authres.dmarc import DMARCAuthenticationResult  # type: ignore[import-untyped]  # it has no annotations

from mta.inbound.verifiers import Signature
from policy.authentication import DmarcVerdict, Override, SpfFinding
from policy.trusted_sealers import Chain

_SAFE: Final = re.compile(r"[^A-Za-z0-9.@_+=:\[\]-]")


@dataclass(frozen=True, slots=True)
class Results:
    """`null_path`: the message came from nobody, so SPF was asked about the HELO name."""

    spf: SpfFinding
    signatures: Sequence[Signature]
    verdict: DmarcVerdict
    from_domain: str
    chain: Chain
    iprev: str
    null_path: bool


def results_header(hostname: str, reverse_path: str, found: Results) -> bytes:
    """The Authentication-Results field, whole, with CRLF."""
    at = {"smtp_mailfrom": _safe(reverse_path)} if reverse_path else {"smtp_helo": _safe(found.spf.domain)}
    results: list[Any] = [authres.SPFAuthenticationResult(result=found.spf.result, **at)]
    results += [_signature(one) for one in found.signatures] or [authres.DKIMAuthenticationResult(result="none")]
    results.append(_dmarc(found))
    if found.chain.result != "none":
        results.append(ARCAuthenticationResult(result=found.chain.result))
    results.append(authres.IPRevAuthenticationResult(result=found.iprev))
    written = authres.AuthenticationResultsHeader(authserv_id=hostname, results=results)
    return str(written).replace("; ", ";\r\n\t").encode("ascii", "replace") + b"\r\n"


def _signature(one: Signature) -> Any:
    selector = {"header_s": _safe(one.selector)} if one.selector else {}
    return authres.DKIMAuthenticationResult(result=one.result, header_d=_safe(one.domain) or "unknown", **selector)


def _dmarc(found: Results) -> Any:
    author = {"header_from": _safe(found.from_domain)} if found.from_domain else {}
    trusted = found.verdict.override is Override.LOCAL_POLICY
    reason = {"reason": "a trusted sealer vouches for it"} if trusted else {}
    return DMARCAuthenticationResult(result=found.verdict.result.value, **author, **reason)


def _safe(text: str) -> str:
    """What a peer chose, as a value in a header of ours."""
    return _SAFE.sub("?", text)[:255]
