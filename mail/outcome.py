"""What became of one recipient: the one value that wire answers, DSNs and complaints all turn into.

Pure. A 5xx in the session today and a DSN tomorrow become the same Outcome and go through the same
`policy.consequence`; nothing else changes a rating.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an arrival is; the words are those of `mailloft classify`."""

    BOUNCE = "bounce"
    DELAY = "delay"
    DELIVERY = "delivery"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    AUTHREPORT = "authreport"
    AUTOREPLY = "autoreply"
    CHALLENGE = "challenge"
    MDN = "mdn"
    HUMAN = "human"
    BULK = "bulk"


class Action(Enum):
    """The Action field of a DSN (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Effect(Enum):
    """What it does to the client: BLOCK rating 1; FULL minus 1; COMPLAINT rating 1 and consent; UNSUBSCRIBE consent."""

    BLOCK = "block"
    FULL = "full"
    NONE = "none"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


class Reason(Enum):
    """Why a host did not take a message; the names of the field (Sisimai 5.7)."""

    USERUNKNOWN = "userunknown"
    HOSTUNKNOWN = "hostunknown"
    NOTACCEPT = "notaccept"
    HASMOVED = "hasmoved"
    SUSPEND = "suspend"
    FILTERED = "filtered"
    SUPPRESSED = "suppressed"
    MAILBOXFULL = "mailboxfull"
    SYSTEMFULL = "systemfull"
    EXPIRED = "expired"
    NETWORKERROR = "networkerror"
    SYSTEMERROR = "systemerror"
    MAILERERROR = "mailererror"
    ONHOLD = "onhold"
    UNDEFINED = "undefined"
    RATELIMITED = "ratelimited"
    BLOCKED = "blocked"
    BADREPUTATION = "badreputation"
    REQUIREPTR = "requireptr"
    AUTHFAILURE = "authfailure"
    FAILEDSTARTTLS = "failedstarttls"
    NORELAYING = "norelaying"
    SECURITYERROR = "securityerror"
    SYNTAXERROR = "syntaxerror"
    NOTCOMPLIANTRFC = "notcompliantrfc"
    SPAMDETECTED = "spamdetected"
    POLICYVIOLATION = "policyviolation"
    CONTENTERROR = "contenterror"
    VIRUSDETECTED = "virusdetected"
    EMAILTOOLARGE = "emailtoolarge"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    VACATION = "vacation"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`recipient` is None where the mail does not tell it; `status` is an enhanced code or ""; `action` None if untold.

    `text` is the host's own words (bounded by whoever parsed them), kept for people and for a corrected rule's replay;
    `explained`: they are the reporter's prose instead, which codes outweigh.
    """

    recipient: str | None
    action: Action | None
    status: str
    code: int | None
    text: str
    reason: Reason
    effect: Effect
    hard: bool
    explained: bool = False
