"""What keeps a sender from sending (PRODUCT C1, D5, S2): the one answer, wherever it is asked, in the same words.

Pure. Asked through store/sender_standing.py by the launch gate, a test send, an answer from a mailbox and whoever asks
for an SMTP connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Failing:
    """One reason: a name for programs, words for people, the numbers for both."""

    name: str
    detail: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """`authorised`: the address is proved to be its project's; `owned` and `sending`: what its domain is there (D5)."""

    address: str
    authorised: bool
    domain: str
    owned: bool
    sending: bool
    stopped: str | None = None  # what its SMTP request is that keeps it from sending: "under moderation", "rejected"


def may_send(*, owned: bool, sending: bool) -> bool:
    """Whether a domain may: an operator who sets its states by hand makes no sender of a stranger's domain."""
    return owned and sending


def obstacles(facts: SenderFacts) -> list[Failing]:
    """All that keeps it from sending, [] where it may."""
    found = []
    if not facts.authorised:
        words = f"sender {facts.address} is not authorised: prove that the address is yours"
        found.append(Failing("sender", words, {"sender": facts.address}))
    if facts.stopped is not None:
        words = f"{facts.address} sends nothing by any way: its SMTP request is {facts.stopped}"
        found.append(Failing(f"smtp_{facts.stopped.split()[-1]}", words, {"sender": facts.address}))
    if not may_send(owned=facts.owned, sending=facts.sending):
        words = f"domain {facts.domain} may not send from this project: it must be owned and its SPF and DKIM must pass"
        found.append(Failing("domain", words, {"domain": facts.domain}))
    return found
