"""SPF by pyspf and DKIM by mail/dkim_verify, both over the look-ups of one message (RFC 7208, RFC 6376).

Called in a thread by mta/inbound/authenticate. Nothing here raises for what a message or a zone holds: a library
that stumbles over it is a permerror, a server that does not answer in time a temperror.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import spf  # type: ignore[import-untyped]  # it has no annotations
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT

from mail.dkim_claim import Broken, Claim, first_read
from mail.dkim_verify import Signed
from mta.inbound.lookups import Ask
from net.resolver import host_name, record_texts

SIGNATURES: Final = 3  # verified at most; a mail with a hundred would cost a second

LARGEST: Final = 16 * 1024  # octets of the TXT records at one name that are read; RFC 7208 §3.4 asks for 450


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM signature: `result` as in RFC 8601 §2.7.1, `domain` in lower case ("" where d= is no host name)."""

    result: str
    domain: str
    words: str
    selector: str = ""


class _Query(spf.query):  # type: ignore[misc]  # the base is Any
    """pyspf's evaluation with its one look-up replaced: the limits (10 terms, 2 void) stay pyspf's."""

    def __init__(self, ask: Ask, **question: Any) -> None:
        super().__init__(**question)
        self._ask = ask
        self._seen: dict[tuple[str, str], list[Any]] = {}

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        key = (str(name).rstrip(".").lower(), qtype)
        if key not in self._seen:
            found = self._ask(*key) if qtype in _PLAIN and _askable(key[0]) else []
            if found is None:
                raise spf.TempError(f"DNS: no answer for {qtype} {key[0]}")
            if qtype == "TXT" and sum(map(len, record_texts(found))) > LARGEST:
                raise spf.PermError(f"{key[0]} publishes more than {LARGEST} octets")
            self._seen[key] = [_PLAIN[qtype](record) for record in found]
        if not self._seen[key] and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return self._seen[key]

    def get_explanation(self, spec: str) -> str:
        """Nobody reads exp= here, so it is not looked up."""
        return ""


_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "A": lambda record: record.to_text(),
    "AAAA": lambda record: record.to_text(),
    "MX": lambda record: (record.preference, host_name(cast("MX", record).exchange)),
    "PTR": lambda record: host_name(cast("PTR", record).target),
    "TXT": lambda record: cast("TXT", record).strings,
}


def _askable(name: str) -> bool:
    return all(0 < len(label) < 64 for label in name.split("."))


def check_spf(ask: Ask, peer: str, reverse_path: str, helo: str, hostname: str) -> str:
    """The result for the reverse-path, for postmaster at the HELO name where that is null (RFC 7208 §2.4)."""
    sender = reverse_path or f"postmaster@{helo}"
    try:
        result, _, _ = _Query(ask, i=peer, s=sender, h=helo, receiver=hostname, strict=True).check()
    except Exception:  # noqa: BLE001 - what a zone or a HELO holds must not stop the mail; pyspf raises at will
        return "permerror"
    return str(result)


def check_dkim(ask: Ask, content: bytes, author: str, now: datetime) -> list[Signature]:
    """A result for each of SIGNATURES, those of the author's domain first."""
    signed = Signed(content)
    return [_verify(ask, signed, one, now) for one in first_read(signed.signatures(), author, SIGNATURES)]


def _verify(ask: Ask, signed: Signed, claim: Claim | Broken, now: datetime) -> Signature:
    if isinstance(claim, Broken):
        return Signature("permerror", claim.domain, claim.words)
    found = ask(claim.key_name, "TXT")
    if found is None:
        return Signature("temperror", claim.domain, "no key for now", claim.selector)
    record = record_texts(found)[0] if found else ""
    if not 0 < len(record) <= LARGEST:
        return Signature("permerror", claim.domain, "no key", claim.selector)
    verdict = signed.verify(claim, record, now)
    return Signature(verdict.result, claim.domain, verdict.words, claim.selector)
