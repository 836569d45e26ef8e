"""What an outcome does to the client: the table of reasons and effects (PRODUCT R2, R3, R5); policy/rating.py does it.

Pure. The one funnel: a 5xx in the session, a row that expires with its last answer, a DSN and a complaint all
come through here. What is our fault or the provider's mood has no entry, so it has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mail.outcome import Action, Effect, Outcome, Reason
from policy.bounce_rules import says_unknown_user

EFFECTS: Final[Mapping[Reason, Effect]] = {
    Reason.USERUNKNOWN: Effect.BLOCK,
    Reason.HOSTUNKNOWN: Effect.BLOCK,
    Reason.NOTACCEPT: Effect.BLOCK,
    Reason.HASMOVED: Effect.BLOCK,
    Reason.SUSPEND: Effect.BLOCK,
    Reason.MAILBOXFULL: Effect.FULL,
}

_HARD: Final = frozenset({Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.NOTACCEPT, Reason.HASMOVED})


def effect_of(reason: Reason, action: Action | None, text: str) -> Effect:
    """The effect of an answer: only a final failure has one, whatever the words of a delay say."""
    if action is not Action.FAILED:
        return Effect.NONE
    if reason is Reason.FILTERED:
        return Effect.BLOCK if says_unknown_user(text) else Effect.NONE
    return EFFECTS.get(reason, Effect.NONE)


def is_hard(reason: Reason) -> bool:
    """Whether there is no such address: trying again can never help. A mailbox that is shut may open again."""
    return reason in _HARD


def expired(last: Outcome) -> Outcome:
    """The outcome of a row that ran out of time: finally failed, with the effect of its last answer (R2, R3).

    A host that only ever said "try again later" leaves no effect; one that said "over quota" counts once, here.
    """
    effect = effect_of(last.reason, Action.FAILED, last.text)
    return Outcome(
        recipient=last.recipient,
        action=Action.FAILED,
        status=last.status,
        code=last.code,
        text=last.text,
        reason=last.reason,
        effect=effect,
        hard=is_hard(last.reason),
    )
