"""What name servers say about one message, within one budget of time and questions.

Blocking; for a thread of the session's pool. A question that was asked is not asked again for the same message.
Nothing here raises: an answer that is missing for now or comes too late is None.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final, cast

from dns.rdtypes.ANY.PTR import PTR

from net.resolver import Answer, Resolver, Standing, host_name

QUESTIONS: Final = 200  # of one message; an honest one asks ten to thirty
_NAMES: Final = 3  # names of an address that are asked for theirs

Ask = Callable[[str, str], list[Any] | None]


class Budget:
    """The time and the questions that one message has; in no time at all, what is known must do."""

    def __init__(self, resolver: Resolver, seconds: float) -> None:
        self._resolver = resolver
        self._asking = seconds > 0
        self.missed = False  # whether something would have had to be asked
        self._until = time.monotonic() + seconds
        self._answers: dict[tuple[str, str], Answer] = {}

    def ask(self, name: str, kind: str) -> list[Any] | None:
        """The records; None where the answer is missing for now, or the budget is used up."""
        answer = self.answer(name, kind)
        return None if answer.standing is Standing.TEMPORARY else list(answer.records)

    def answer(self, name: str, kind: str) -> Answer:
        key = (name.rstrip(".").lower(), kind)
        if key not in self._answers:
            if not self._asking:
                return self._known(*key)
            left = self._until - time.monotonic()
            if left <= 0 or len(self._answers) >= QUESTIONS:
                return Answer(Standing.TEMPORARY, words="the message's time or questions are used up")
            self._answers[key] = self._resolver.ask_now(*key, left)
        return self._answers[key]

    def _known(self, name: str, kind: str) -> Answer:
        found = None if self.missed else self._resolver.known(name, kind)
        if found is None:
            self.missed = True
            return Answer(Standing.TEMPORARY, words="not known yet")
        self._answers[name, kind] = found
        return found

    def exists(self, domain: str) -> bool:
        """False only where its name servers say that there is no such name (RFC 8020)."""
        return self.answer(domain, "A").standing is not Standing.NO_NAME


def iprev(ask: Ask, peer: str) -> str:
    """Whether a name of the address has the address: the words of RFC 8601 §2.7.3."""
    pointers = ask(ip_address(peer).reverse_pointer, "PTR")
    if pointers is None:
        return "temperror"
    if not pointers:
        return "permerror"
    kind, wanted = ("AAAA" if ":" in peer else "A"), ip_address(peer)
    answers = [ask(host_name(cast("PTR", one).target), kind) for one in pointers[:_NAMES]]
    if any(ip_address(record.to_text()) == wanted for found in answers for record in found or ()):
        return "pass"
    return "temperror" if None in answers else "fail"
