"""What a mail that came back is: one pure judgement of raw bytes, the whole of `mailloft classify`.

Pure and total: never raises. The sorter calls it in a child that may be killed, `admin/cli/classify` for files.
All values go through msgspec's JSON. The order matters: what a machine wrote for machines (DSN, ARF, MDN) first, then
prose bounces, then challenges, auto-replies and mail to many; what is left, and carries no sign at all, is a person's.
Whether an outcome counts is not decided here: it must still be tied to a mail that was sent (VERP, Message-ID).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mail import automatic
from mail.dsn import TEXT_LIMIT, Told, address_in, returned_headers, told_by_report
from mail.feedback import feedback
from mail.outcome import Action, Effect, Kind, Outcome, Reason
from mail.parts import Headers, Parsed, UnparsableError, parse
from mail.rawbounce import raw_bounce, refused_by_receipt, words_about
from mail.report_read import attached_report
from mail.ses_notice import Notice, ses_notice
from policy.bounce_class import outcome

_MDN_TYPES = ("message/disposition-notification", "message/global-disposition-notification")


@dataclass(frozen=True, slots=True)
class Classified:
    """`message_ids` are of the returned original, without angle brackets; `signs` say why it is not a person's.

    `from_address` is in lower case, None where From has no address; `subject` is decoded and bounded.
    """

    kind: Kind
    recipients: tuple[Outcome, ...]
    message_ids: tuple[str, ...]
    from_address: str | None
    subject: str
    signs: tuple[str, ...]


def classify_mail(raw: bytes, reverse_path: str | None = None) -> Classified:
    """`reverse_path` as the envelope had it ("" is the null path), None where only the file is known.

    Bytes beyond the limits of mail/parts are filed as BULK with the limit as their sign: nothing comes of them.
    """
    try:
        parsed = parse(raw)
        return _classify(parsed, reverse_path)
    except UnparsableError as limit:
        return Classified(Kind.BULK, (), (), None, "", (f"unparsable: {limit}",))


def _classify(parsed: Parsed, reverse_path: str | None) -> Classified:
    signs = automatic.signs(parsed, reverse_path)
    notice = ses_notice(parsed)
    kind, outcomes = _noticed(notice) if notice else _judge(parsed, signs)
    sender = address_in(parsed.headers.words("from"))
    return Classified(
        kind=kind,
        recipients=outcomes,
        message_ids=notice.message_ids if notice else _message_ids(parsed),
        from_address=sender.lower() if sender else None,
        subject=parsed.headers.words("subject")[:1_000],
        signs=signs,
    )


def _judge(parsed: Parsed, signs: tuple[str, ...]) -> tuple[Kind, tuple[Outcome, ...]]:
    if reported := feedback(parsed):
        return reported.kind, _complaints(reported.kind, reported.recipients)
    if parsed.of_type(*_MDN_TYPES) and not refused_by_receipt(parsed):
        return Kind.MDN, ()
    if told := told_by_report(parsed):
        if automatic.challenges(parsed):
            return Kind.CHALLENGE, ()
        return _undelivered(words_about(parsed, told), parsed.plain() if len(told) == 1 else "")
    if attached_report(parsed) is not None:
        return Kind.AUTHREPORT, ()
    if not automatic.challenges(parsed) and (bounce := raw_bounce(parsed, by_machine=bool(signs))):
        return _undelivered(bounce.told, bounce.notice if len(bounce.told) == 1 else "")
    return _unreported(parsed, signs), ()


def _unreported(parsed: Parsed, signs: tuple[str, ...]) -> Kind:
    """The kind of a mail that reports nothing; any sign at all keeps it from being a person's."""
    if not signs:
        return Kind.HUMAN
    if automatic.list_signs(parsed.headers):
        return Kind.BULK
    if automatic.challenges(parsed):
        return Kind.CHALLENGE
    answers = automatic.answers(parsed.headers, signs)
    return Kind.AUTOREPLY if answers else Kind.BULK


def _noticed(notice: Notice) -> tuple[Kind, tuple[Outcome, ...]]:
    if notice.told:
        return _undelivered(notice.told, "")
    return notice.kind, _complaints(notice.kind, notice.complainers)


def _complaints(kind: Kind, recipients: Sequence[str]) -> tuple[Outcome, ...]:
    """One outcome an address; one without an address where the report redacts it; none for other kinds."""
    effect = {Kind.COMPLAINT: Effect.COMPLAINT, Kind.UNSUBSCRIBE: Effect.UNSUBSCRIBE}.get(kind)
    if effect is None:
        return ()
    return tuple(
        Outcome(recipient, None, "", None, "", Reason.FEEDBACK, effect, hard=False)
        for recipient in recipients or (None,)
    )


def _undelivered(told: Sequence[Told], explanation: str) -> tuple[Kind, tuple[Outcome, ...]]:
    outcomes = tuple(_outcome(one, explanation) for one in _once_each(told))
    actions = {one.action for one in outcomes}
    if actions & {Action.FAILED, None}:
        return Kind.BOUNCE, outcomes
    return (Kind.DELAY if Action.DELAYED in actions else Kind.DELIVERY), outcomes


def _once_each(told: Sequence[Told]) -> tuple[Told, ...]:
    """One a recipient: some systems report one for every try. A failure outweighs what came before it."""
    kept: dict[str | None, Told] = {}
    for one in told:
        key = one.recipient.lower() if one.recipient else None
        if key not in kept or (one.action is Action.FAILED and kept[key].action is not Action.FAILED):
            kept[key] = one
    return tuple(kept.values())


def _outcome(told: Told, explanation: str) -> Outcome:
    return outcome(
        told.recipient,
        told.action,
        told.text,
        enhanced=told.enhanced,
        status=told.status,
        code=told.code,
        explanation=explanation[:TEXT_LIMIT],
    )


def _message_ids(parsed: Parsed) -> tuple[str, ...]:
    returned = returned_headers(parsed)
    found = _ids(returned, "message-id") if returned else []
    return tuple(dict.fromkeys(found))


def _ids(headers: Headers, name: str) -> list[str]:
    return [value.strip().strip("<>")[:998] for value in headers.all(name)[:10] if value.strip("<> ")]
