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
from policy.bounce_rules import reason_in_weak_words, reason_in_words
from policy.consequence import EFFECTS, effect_of, is_hard

# RFC 3463 and the IANA registry, by subject and detail.
_BY_ENHANCED: Final[Mapping[str, Reason]] = {
    "1.1": Reason.USERUNKNOWN,
    "1.2": Reason.HOSTUNKNOWN,
    "1.3": Reason.USERUNKNOWN,
    "1.4": Reason.USERUNKNOWN,
    "1.6": Reason.HASMOVED,
    "1.7": Reason.REJECTED,
    "1.8": Reason.REJECTED,
    "1.10": Reason.USERUNKNOWN,  # RFC 7505: Null MX; Exchange, which is seen far more often: no such recipient
    "2.1": Reason.SUSPEND,
    "2.2": Reason.MAILBOXFULL,
    "2.3": Reason.EMAILTOOLARGE,
    "2.4": Reason.MAILERERROR,
    "3.1": Reason.SYSTEMFULL,
    "3.2": Reason.SYSTEMERROR,
    "3.3": Reason.SYSTEMERROR,
    "3.4": Reason.EMAILTOOLARGE,
    "3.5": Reason.SYSTEMERROR,
    "4.0": Reason.NETWORKERROR,
    "4.1": Reason.EXPIRED,
    "4.2": Reason.NETWORKERROR,
    "4.3": Reason.NETWORKERROR,
    "4.4": Reason.HOSTUNKNOWN,
    "4.5": Reason.RATELIMITED,
    "4.6": Reason.NETWORKERROR,
    "4.7": Reason.EXPIRED,
    "4.14": Reason.NETWORKERROR,
    "5.1": Reason.SYNTAXERROR,
    "5.2": Reason.SYNTAXERROR,
    "5.3": Reason.RATELIMITED,
    "5.4": Reason.SYNTAXERROR,
    "6.0": Reason.CONTENTERROR,
    "6.1": Reason.CONTENTERROR,
    "6.2": Reason.CONTENTERROR,
    "6.3": Reason.CONTENTERROR,
    "6.7": Reason.SYNTAXERROR,  # RFC 6531: an address beyond ASCII, for a host that cannot read it
    "7.0": Reason.SECURITYERROR,
    "7.1": Reason.REJECTED,
    "7.8": Reason.SECURITYERROR,
    "7.10": Reason.FAILEDSTARTTLS,
    "7.20": Reason.AUTHFAILURE,
    "7.21": Reason.AUTHFAILURE,
    "7.22": Reason.AUTHFAILURE,
    "7.23": Reason.AUTHFAILURE,
    "7.25": Reason.REQUIREPTR,
    "7.26": Reason.AUTHFAILURE,
    "7.27": Reason.REJECTED,
    "7.28": Reason.RATELIMITED,
    "7.30": Reason.FAILEDSTARTTLS,  # RFC 8689: REQUIRETLS cannot be had
}

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
    if told in EFFECTS and _about_sender(enhanced or status):
        return Reason.REJECTED
    return (
        told
        or _by_enhanced(enhanced)
        or _by_enhanced(status)
        or _BY_CODE.get(code or 0)
        or reason_in_words(explanation)
        or reason_in_weak_words(text)
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
    text = text or explanation
    return Outcome(
        recipient=recipient,
        action=action,
        status=status or enhanced,
        code=code,
        text=text,
        reason=reason,
        effect=effect_of(reason, action, text),
        hard=is_hard(reason, action, text),
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
    return code.partition(".")[2] in ("1.7", "1.8")
