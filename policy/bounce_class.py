"""The reason of a refusal: the host's words first, then its enhanced code, the Status field, the reply code.

Pure. `outcome_of_reply` serves the sender for answers in the session, `outcome` the sorter for what a report
tells later, so that both judge alike. Codes are the last resort: 5.1.1 is seen for a full mailbox and for "too many
recipients this hour", 4.0.0 for NXDOMAIN (facts/bounces.md); a code of class 4 never says that an address is bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mail.dsn import final_words
from mail.outcome import Action, Outcome, Reason
from mail.reply import Reply
from policy.bounce_rules import reason_in_more_words, reason_in_weak_words, reason_in_words
from policy.consequence import EFFECTS, effect_of, is_hard

# RFC 3463 and the IANA registry, by subject and detail.
_REGISTERED: Final[Mapping[Reason, str]] = {
    Reason.USERUNKNOWN: "1.1 1.3 1.4 1.10",  # 1.10: RFC 7505's Null MX; Exchange, far more often: no such recipient
    Reason.HOSTUNKNOWN: "1.2 4.4",
    Reason.HASMOVED: "1.6 7.17 7.18",  # RFC 7293: the owner has changed
    Reason.SUSPEND: "2.1",
    Reason.MAILBOXFULL: "2.2",
    Reason.EMAILTOOLARGE: "2.3 3.4 7.16",
    Reason.MAILERERROR: "2.4",
    Reason.SYSTEMFULL: "3.1",
    Reason.SYSTEMERROR: "3.2 3.3 3.5",
    Reason.NETWORKERROR: "4.0 4.2 4.3 4.6 4.14",
    Reason.EXPIRED: "4.1 4.7",
    Reason.RATELIMITED: "4.5 5.3 7.28",
    Reason.SYNTAXERROR: "5.1 5.2 5.4 5.5 5.6 6.7 6.8 6.9 6.10",
    Reason.CONTENTERROR: "6.0 6.1 6.2 6.3 6.4 6.5 6.6",
    Reason.REJECTED: "1.7 1.8 7.1 7.2 7.15 7.27",
    Reason.SECURITYERROR: "7.0 7.3 7.4 7.5 7.6 7.7 7.8 7.9 7.12 7.13 7.14",
    Reason.FAILEDSTARTTLS: "7.10 7.11 7.30",  # 7.30, RFC 8689: REQUIRETLS cannot be had
    Reason.AUTHFAILURE: "7.20 7.21 7.22 7.23 7.24 7.26 7.29",
    Reason.REQUIREPTR: "7.25",
}
# Exchange Online's own (learn.microsoft.com, "Email non-delivery reports").
_MICROSOFT: Final[Mapping[Reason, str]] = {
    Reason.USERUNKNOWN: "1.350 1.351",
    Reason.HOSTUNKNOWN: "4.310",
    Reason.NETWORKERROR: "4.312 4.317 4.318",
    Reason.EXPIRED: "4.300 4.316",
    Reason.RATELIMITED: "1.90 2.120 2.121 2.122 7.705 7.232 7.233 7.236",
    Reason.NOTCOMPLIANTRFC: "1.20 6.11",
    Reason.NORELAYING: "7.64 7.367",
    Reason.REJECTED: "7.12 7.123 7.124 7.129 7.133 7.134 7.135 7.136 7.703 7.750",
    Reason.BLOCKED: "7.511 7.606 7.649",
    Reason.BADREPUTATION: "7.708",
    Reason.FAILEDSTARTTLS: "7.320 7.321 7.322 7.323 7.324 7.325 7.326",
    Reason.AUTHFAILURE: "7.509 7.515",
}
_BY_ENHANCED: Final[Mapping[str, Reason]] = {
    detail: reason
    for table in (_MICROSOFT, _REGISTERED)
    for reason, details in table.items()
    for detail in details.split()
}

# Codes that hosts give for anything; whatever their words say is better.
_VAGUE: Final = frozenset({"0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "7.1", "3.2"})

# 550, 553 and 554 alone say nothing; 552 may be the mailbox or the message.
_BY_CODE: Final[Mapping[int, Reason]] = {
    421: Reason.SYSTEMERROR,
    451: Reason.SYSTEMERROR,
    452: Reason.SYSTEMFULL,
    500: Reason.SYNTAXERROR,
    501: Reason.SYNTAXERROR,
    502: Reason.SYNTAXERROR,
    503: Reason.SYNTAXERROR,
    504: Reason.SYNTAXERROR,
    530: Reason.SECURITYERROR,
    535: Reason.SECURITYERROR,
    556: Reason.NOTACCEPT,  # RFC 7504: the domain does not accept mail
}


def classify(text: str, enhanced: str, status: str, code: int | None, explanation: str = "") -> Reason:
    """Why; UNDEFINED where nothing tells. Any argument may be empty.

    `explanation` is the reporter's prose about this one recipient, asked after the codes.
    """
    told = reason_in_words(final_words(text)) or reason_in_words(text)
    further = None if told else reason_in_more_words(text)
    if (told or further) in EFFECTS and _about_sender(enhanced or status):
        return Reason.REJECTED
    vague = _detail(enhanced or status) in _VAGUE
    return (
        told
        or (further if vague else None)
        or _by_enhanced(enhanced)
        or _by_enhanced(status)
        or further
        or _BY_CODE.get(code or 0)
        or reason_in_words(explanation)
        or reason_in_weak_words(text)
        or reason_in_more_words(explanation)
        or Reason.UNDEFINED
    )


def outcome(
    recipient: str | None,
    action: Action | None,
    text: str,
    *,
    enhanced: str,
    status: str,
    code: int | None,
    explanation: str = "",
) -> Outcome:
    """The judged value of what a report or a reply told; the explanation is its text where there is no other."""
    delivered = action is Action.DELIVERED
    reason = Reason.DELIVERED if delivered else classify(text, enhanced, status, code, explanation)
    explained = bool(explanation and not text)
    text = text or explanation
    return Outcome(
        recipient=recipient,
        action=action,
        status=status or enhanced,
        code=code,
        text=text,
        reason=reason,
        effect=effect_of(reason, action, text),
        hard=is_hard(reason),
        explained=explained,
    )


def outcome_of_reply(recipient: str, reply: Reply) -> Outcome:
    """What an answer in the session makes of its recipient: 2xx delivered, 4xx delayed, else failed.

    A delayed row has no effect yet; when it runs out of time, `policy.consequence.expired` gives it the effect of
    its last answer.
    """
    action = Action.DELIVERED if reply.positive else Action.DELAYED if reply.transient else Action.FAILED
    return outcome(recipient, action, reply.text, enhanced=reply.enhanced, status=reply.enhanced, code=reply.code)


def _by_enhanced(code: str) -> Reason | None:
    """The reason of an enhanced code; class 4 gives none of the reasons that block."""
    kind, _, rest = code.partition(".")
    reason = _BY_ENHANCED.get(rest)
    if kind == "4" and reason in EFFECTS and reason is not Reason.MAILBOXFULL:
        return None
    return reason


def _about_sender(code: str) -> bool:
    """X.1.7 and X.1.8 speak of our address (RFC 3463 §3.2): "no such domain" is then none of the client's."""
    return _detail(code) in ("1.7", "1.8")


def _detail(code: str) -> str:
    """Subject and detail of an enhanced code, without its class."""
    return code.partition(".")[2]
