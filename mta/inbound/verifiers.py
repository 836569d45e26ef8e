"""SPF by pyspf and DKIM by dkimpy, both over our resolver and one time budget (RFC 7208, RFC 6376).

Blocking; called in a thread by mta/inbound/authenticate. Nothing here raises for what a message or a zone holds: a
library that stumbles over it is a permerror, a server that does not answer in time a temperror. dkimpy's relaxed body
is quadratic in blanks (200 kB of them: a minute), so ours takes its place when this module is imported.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import dkim  # type: ignore[import-untyped]  # it has no annotations
import spf  # type: ignore[import-untyped]  # it has no annotations
from dkim.canonicalization import ALGORITHMS, Relaxed  # type: ignore[import-untyped]  # it has no annotations
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT

from mail.dkim_sign import linear_relaxed_body
from net.resolver import Resolver, Standing, host_name

SIGNATURES: Final = 3  # verified at most; a mail with a hundred would cost a second
_SHORTEST_KEY: Final = 1024
_HOST: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*")


class LinearRelaxed(Relaxed):  # type: ignore[misc]  # the base is Any
    """dkimpy's relaxed canonicalisation with a body in linear time."""

    canonicalize_body = staticmethod(linear_relaxed_body)


ALGORITHMS[b"relaxed"] = LinearRelaxed


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM signature: `result` as in RFC 8601 §2.7.1, `domain` in lower case ("" where d= is no host name)."""

    result: str
    domain: str
    words: str


class Budget:
    """The time all look-ups of one message have together."""

    def __init__(self, resolver: Resolver, seconds: float) -> None:
        self._resolver = resolver
        self._until = time.monotonic() + seconds

    def ask(self, name: str, kind: str) -> list[Any] | None:
        """The records; None where the answer is missing for now or the time is used up."""
        left = self._until - time.monotonic()
        if left <= 0:
            return None
        answer = self._resolver.ask_now(name, kind, left)
        return None if answer.standing is Standing.TEMPORARY else list(answer.records)


class _Query(spf.query):  # type: ignore[misc]  # the base is Any
    """pyspf's evaluation with its one look-up replaced: the limits (10 terms, 2 void) stay pyspf's."""

    def __init__(self, budget: Budget, **question: Any) -> None:
        super().__init__(**question)
        self._budget = budget
        self._seen: dict[tuple[str, str], list[Any]] = {}

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        key = (str(name).rstrip(".").lower(), qtype)
        if key not in self._seen:
            found = self._budget.ask(*key)
            if found is None:
                raise spf.TempError(f"DNS: no answer for {qtype} {key[0]}")
            self._seen[key] = [_PLAIN[qtype](record) for record in found] if qtype in _PLAIN else []
        if not self._seen[key] and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return self._seen[key]


_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "A": lambda record: record.to_text(),
    "AAAA": lambda record: record.to_text(),
    "MX": lambda record: (record.preference, host_name(cast("MX", record).exchange)),
    "PTR": lambda record: host_name(cast("PTR", record).target),
    "TXT": lambda record: cast("TXT", record).strings,
}


def check_spf(budget: Budget, peer: str, reverse_path: str, helo: str, hostname: str) -> str:
    """The result for the reverse-path, for postmaster at the HELO name where that is null (RFC 7208 §2.4)."""
    sender = reverse_path or f"postmaster@{helo}"
    try:
        result, _, _ = _Query(budget, i=peer, s=sender, h=helo, receiver=hostname, strict=True).check()
    except Exception:  # noqa: BLE001 - what a zone or a HELO holds must not stop the mail; pyspf raises at will
        return "permerror"
    return str(result)


def check_dkim(budget: Budget, content: bytes) -> list[Signature]:
    """A result for each of the first signatures, in their order."""
    try:
        message = dkim.DKIM(content, minkey=_SHORTEST_KEY)
    except dkim.DKIMException:
        return []
    count = sum(name.lower() == b"dkim-signature" for name, _ in message.headers)
    return [_verify(budget, content, position) for position in range(min(count, SIGNATURES))]


def _verify(budget: Budget, content: bytes, position: int) -> Signature:
    unanswered: list[bytes] = []

    def key_of(name: bytes, timeout: float = 0) -> bytes | None:
        found = budget.ask(name.decode("ascii", "replace"), "TXT")
        if found is None:
            unanswered.append(name)
        return b"".join(cast("TXT", found[0]).strings) if found else None

    message = dkim.DKIM(content, minkey=_SHORTEST_KEY)
    try:
        passed = bool(message.verify(idx=position, dnsfunc=key_of))
        words = ""
    except dkim.ValidationError as error:
        passed, words = False, str(error)[:80]
    except Exception as error:  # noqa: BLE001 - hostile tags end anywhere in dkimpy
        return Signature("permerror", _domain(message), str(error)[:80])
    if unanswered:
        return Signature("temperror", _domain(message), "no key for now")
    if passed and b"l" in message.signature_fields:
        # Whatever stands behind l= octets is nobody's word (spec/SECURITY 8): such a pass counts for nothing.
        return Signature("policy", _domain(message), "l= is not accepted")
    return Signature("pass" if passed else "fail", _domain(message), words)


def _domain(message: Any) -> str:
    name = (message.domain or b"").decode("ascii", "replace").lower()
    return name if _HOST.fullmatch(name) else ""
