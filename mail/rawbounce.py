"""Bounces in prose: what a mail system tells in its own words instead of a delivery-status part.

Pure. Serves the families of facts/bounces.md by their common shape, not one by one: a notice stands before a copy of
the original; it names each recipient in a list ("<address>:" of qmail and its clones, the indented lines of Exim,
sendmail's "following addresses"), or in one sentence, or in the SMTP dialogue; the reason stands in the lines
below the address. Nothing here knows a host, an address or a date of any sample.
Raises only mail.parts.UnparsableError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Final

from mail.automatic import daemon
from mail.dsn import (
    TEXT_LIMIT,
    Told,
    address_in,
    code_in,
    enhanced_in,
    final_words,
    returned_headers,
    told_by_report,
    told_in_fields,
)
from mail.outcome import Action
from mail.parts import Parsed, parse

LINES_LIMIT: Final = 400
LINE_LIMIT: Final = 1_000
NAMED_LIMIT: Final = 200

# Where the notice ends and the copy of the original begins.
_COPY = re.compile(
    r"^[ \t>|*#=_-]*(?:"
    r"(?:this|below|here|enclosed|attached|following|attachment) (?:is|this line is|line is)? ?a? ?copy\b"
    r"|below this line is a copy|here is a copy|below is a copy"
    r"|(?:the )?(?:headers?|text|copy|body) of (?:the|your) (?:original )?message"
    r"|(?:start of )?(?:the )?(?:original|returned|unsent|undelivered|bounced|rejected) (?:e-?mail|mail|message)"
    r"(?: text| header| headers| info)*(?: (?:follows?|below|info|attached|as follows))?\W*$"
    r"|message headers? follows?|message text follows|(?:original )?message headers?:?\W*$"
    r"|unsent message below|old message|original mail as follows"
    r"|content-type: (?:message/rfc822|text/rfc822-headers)|return-path:|received: )",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = r"""[^\s<>()\[\]:;,"'|]{1,64}@[A-Za-z0-9\u0080-\uffff._-]{1,255}"""
# An address at the head of a line, after marks and at most one label: "<a@b>:", "  a@b", "Recipient: [SMTP:a@b]".
_LISTED = re.compile(
    r"^[ \t*•·|>-]*(?:(?P<label>[^\s:<>@][^:<>@\n]{0,40}):[ \t]*)?[ \t\"'<\[(]*(?:smtp:|mailto:|rfc822;[ ]?)?"
    rf"(?P<address>{_ADDRESS})[\"'>\])]*(?P<rest>.*)$",
    re.IGNORECASE,
)
# The labels that such a line may have; any other (From, Reply-To, Contact) tells of something else.
_LABELS = re.compile(
    r".*(error-for|target|undeliverable|\b(mail|mailbox|message|deliver\w*|user|userid|size|recipients?|address(es)?|account"
    r"|attempts|failed|unknown)\b).*",
    re.IGNORECASE,
)
_OTHER_LABELS = re.compile(
    r".*\b(from|sender|reply|contact|by|e-?mail|help|questions?|postmaster|header|message-id)\b.*", re.IGNORECASE
)
_ANGLED = re.compile(rf"<(?P<address>{_ADDRESS})>")
# An address within a sentence about delivery.
_SENTENCE = re.compile(
    r"(?:deliver(?:y|ed|ing)?\b[^<@\n]{0,60}?\bto\b|send(?:ing)?\b[^<@\n]{0,40}\bto\b"
    r"|addressed(?: to|,)|message to|mail to|e-?mail to|rejected recipient|undeliverable to"
    r"|recipient|the user|following user"
    r"|user unknown|unknown user|address|generated from|expanded from)"
    rf"[\s:\"'<(\[]{{0,6}}(?P<address>{_ADDRESS})",
    re.IGNORECASE,
)
# "554 <a@b>... 550 Host unknown" of sendmail, "RCPT TO:<a@b>" of a dialogue.
_REFUSED = re.compile(rf"^\W*[45]\d\d[ -](?:[45]\.\d+\.\d+ )?<?(?P<address>{_ADDRESS})>?\.\.\.", re.IGNORECASE)
_ASKED = re.compile(rf"^\W*(?:in:\s*)?rcpt to:\s*<?(?P<address>{_ADDRESS})>?", re.IGNORECASE)
_SUMMARY = re.compile(rf"^\W*to:\s*\W{{0,3}}(?P<address>{_ADDRESS})", re.IGNORECASE)
_EXPANDED = re.compile(
    rf"(?:generated|expanded|forwarded|aliased)\s+from:?\s*<?(?P<address>{_ADDRESS})>?", re.IGNORECASE
)
_REPLY_LINE = re.compile(r"(?<![\d.\w-])[45]\d\d(?:[ -]|$)(?![ ]?(?:seconds|minutes|hours|bytes|kb)\b)")
_SERVICE = re.compile(r"(postmaster|abuse|hostmaster|mailer-daemon|webmaster|noc|no-?reply)@.*", re.IGNORECASE)

_SUBJECTS: Final = (
    *("undeliver", "delivery failure", "delivery status", "delivery notification", "delivery report", "mail delivery"),
    *(
        "returned mail",
        "failure notice",
        "mail failure",
        "message status",
        "non-delivery",
        "nondelivery",
        "non delivery",
    ),
    *("delivery has failed", "delivery failed", "could not be delivered", "not delivered", "not deliverable"),
    *("permanent delivery", "undeliverable", "bounce", "delayed", "delivery problem", "delivery error", "mail error"),
    *(
        "mail failed",
        "message failed",
        "failed mail",
        "user unknown",
        "unknown user",
        "error sending",
        "message delivery",
        "rejected mail",
        "rejected message",
    ),
    *("non remis", "non délivré", "unzustellbar", "nicht zugestellt", "onbestelbaar", "no se puede entregar"),
    *("no entregado", "não entregue", "mancato recapito", "impossibile recapitare", "не доставлено", "недоставлен"),
    *("配信不能", "配信エラー", "退信", "系统退信", "未送达", "returning message to sender", "returned to sender"),
    *("nepodařilo", "nie można dostarczyć", "niedostarczon", "warning: message", "loop alert", "errors from"),
)
_REFUSAL_RECEIPT: Final = "was automatically rejected"
_NOTICES: Final = (
    *("requested action not taken", "error message below", "no such user"),
    *(
        "could not be delivered",
        "couldn't be delivered",
        "cannot be delivered",
        "can't be delivered",
        "not delivered to",
    ),
    *("was not delivered", "were not delivered", "not be delivered", "unable to deliver", "wasn't able to deliver"),
    *(
        "was not able to deliver",
        "not able to deliver",
        "error delivering your",
        "error occurred while trying to deliver",
    ),
    *("did not reach the following", "did not reach some", "delivery to the following", "could not be reached"),
    *(
        "undeliverable",
        "undelivered",
        "delivery has failed",
        "delivery failed",
        "failed permanently",
        "permanent error",
    ),
    *("had permanent fatal errors", "had delivery problems", "had permanent delivery errors", "transcript of session"),
    *("has not yet been delivered", "not yet been delivered", "has been delayed", "was automatically rejected"),
    *(
        "message was rejected",
        "failed addresses",
        "returned mail",
        "returned message",
        "delivery problem",
        "delivery error",
    ),
    *(
        "trouble delivering",
        "attempting to deliver",
        "delivery notification",
        "failed to deliver",
        "problem delivering",
    ),
    *("n'a pas pu", "non remis", "konnte nicht zugestellt", "nicht zugestellt werden", "no se pudo entregar"),
    *(
        "no ha podido ser entregado",
        "не может быть доставлено",
        "не удалось доставить",
        "не доставлено",
        "配信できません",
    ),
    *(
        "送信できません",
        "送信に失敗",
        "投递失败",
        "无法送达",
        "退信",
        "invalid final delivery",
        "mailbox exceeds",
        "final-recipient:",
    ),
)
_DELAYS: Final = (
    *("warning message only", "has been delayed", "have been delayed", "been delayed:", "not yet been delivered"),
    *("will continue to", "will be retried", "still trying", "will keep trying", "(delay)", "is delayed"),
    *("could not be delivered for", "has not been delivered to one or more of its recipients after more than"),
    *("do not need to resend", "transient non-fatal errors", "was delayed", "no action is required on your part"),
    *("could not send message for past", "could not send mail for past", "still undelivered after"),
    *("warning: could not send message", "warning: message delayed", "temporary failure notice"),
)
_FINALS: Final = (
    *("permanent error", "failed permanently", "permanent fatal", "given up", "giving up", "not going to try again"),
    *("could not be delivered to", "permanent delivery", "has failed", "(failure)"),
)


@dataclass(frozen=True, slots=True)
class RawBounce:
    """`notice` is the mail system's text without the copy of the original, bounded."""

    told: tuple[Told, ...]
    notice: str


def raw_bounce(parsed: Parsed, *, by_machine: bool) -> RawBounce | None:
    """What the mail tells of recipients, or None where it is no bounce.

    `by_machine`: it carries a sign of automatic mail. Without one only a mail that opens with a notice counts, and
    never an answer: people quote and forward bounces.
    """
    text = parsed.plain()
    notice = _before_copy(text)
    if not _is_notice(parsed, notice, by_machine):
        return None
    action = _action(parsed, notice)
    told = words_about(parsed, tuple(islice(told_in_fields(_unindented(notice)), NAMED_LIMIT)))
    if not told:
        told = tuple(islice(_named(parsed, notice, action), NAMED_LIMIT))
    return RawBounce(told or (_unnamed(notice, action),), notice[:TEXT_LIMIT])


def words_about(parsed: Parsed, told: Sequence[Told]) -> tuple[Told, ...]:
    """The same recipients, with the prose that stands beside a report where its fields name or quote nothing."""
    if all(one.text and one.recipient for one in told):
        return tuple(told)
    notice = _before_copy(parsed.plain())
    lines = [line[:LINE_LIMIT] for line in notice.split("\n")[:LINES_LIMIT]]
    listed = _listed(lines, frozenset())
    only = next(iter(listed)) if len(listed) == len(told) == 1 else None
    alone = len(told) == 1
    return tuple(_explained(replace(one, recipient=one.recipient or only), listed, lines, alone=alone) for one in told)


def _explained(told: Told, listed: dict[str, str], lines: Sequence[str], *, alone: bool) -> Told:
    if told.text:
        return told
    address = told.recipient or ""
    words = _told(address, _paragraph_of(address, listed, lines), lines, told.action or Action.FAILED, alone=alone)
    return replace(told, text=words.text, code=told.code or words.code, enhanced=told.enhanced or words.enhanced)


def refused_by_receipt(parsed: Parsed) -> bool:
    """Whether a disposition notification is a refusal: Sieve's `reject` says so in one (RFC 5429 §2.2)."""
    return _REFUSAL_RECEIPT in parsed.plain()[:2_000].lower()


def _is_notice(parsed: Parsed, notice: str, by_machine: bool) -> bool:
    if "x-failed-recipients" in parsed.headers:
        return True
    words = notice[:4_000].lower()
    subject = parsed.headers.words("subject")[:300].lower()
    if by_machine:
        return any(phrase in subject for phrase in _SUBJECTS) or any(phrase in words for phrase in _NOTICES)
    return _is_unsigned_notice(parsed, subject, words[:250])


def _is_unsigned_notice(parsed: Parsed, subject: str, opening: str) -> bool:
    """A mail without any sign must say it in subject and first lines, and answer or forward nothing."""
    answer = "in-reply-to" in parsed.headers or "references" in parsed.headers or "forwarded message" in opening
    said = any(phrase in subject for phrase in _SUBJECTS) and any(phrase in opening for phrase in _NOTICES)
    return said and not answer and any(_LISTED.match(line) for line in opening.split("\n"))


def _before_copy(text: str) -> str:
    """The notice; all of the text where a copy seems to begin at its very first line."""
    for found in _COPY.finditer(text):
        if text[: found.start()].strip():
            return text[: found.start()]
    return text


def _action(parsed: Parsed, notice: str) -> Action:
    words = f"{parsed.headers.words('subject')} {notice[:4_000]}".lower()
    delayed = any(phrase in words for phrase in _DELAYS) and not any(phrase in words for phrase in _FINALS)
    return Action.DELAYED if delayed else Action.FAILED


def _named(parsed: Parsed, notice: str, action: Action) -> Iterator[Told]:
    """One value for each recipient that the notice names, by the strongest form found."""
    lines = [line[:LINE_LIMIT] for line in notice.split("\n")[:LINES_LIMIT]]
    ours = _our_side(parsed)
    failed = [address for value in parsed.headers.all("x-failed-recipients") for address in _addresses(value)]
    listed = _listed(lines, ours)
    if failed:
        for address in dict.fromkeys(failed):
            yield _told(address, _paragraph_of(address, listed, lines), lines, action, alone=len(failed) == 1)
        return
    found = listed or _in_sentences(notice, ours) or _in_dialogue(lines, ours, _REFUSED, _ASKED)
    if not found and (wrapped := _wrapped(parsed)):
        yield from wrapped
        return
    found = found or _in_dialogue(lines, ours, _SUMMARY)
    for address, paragraph in found.items():
        yield _told(address, paragraph, lines, action, alone=len(found) == 1)


def _listed(lines: Sequence[str], ours: frozenset[str]) -> dict[str, str]:
    """Addresses at the head of lines, each with the lines below it, up to the next address or an empty line."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        address, rest = _listed_address(line, ours)
        if address is not None and not "".join(found.get(address, [])).strip():
            current = found.setdefault(address, [])
            current.append(rest)
        elif not line.strip():
            current = None
        elif current is not None:
            current.append(line)
    kept = {address: "\n".join(texts).strip() for address, texts in found.items()}
    people = {address: text for address, text in kept.items() if not _SERVICE.fullmatch(address)}
    return people or kept


def _listed_address(line: str, ours: frozenset[str]) -> tuple[str | None, str]:
    """(address, what follows it) of a line that names a recipient; (None, "") of any other."""
    found = _LISTED.match(" ".join(line.split()))
    if found is None or "..." in found["address"]:
        return None, ""
    label = (found["label"] or "").strip()
    rest = found["rest"].lstrip()
    # "<address>:" names a recipient even where it is the sender's own (a mail to oneself).
    if found["address"].lower() in ours and (label or not rest.startswith(":")):
        return None, ""
    if label and (_OTHER_LABELS.fullmatch(label) or not _LABELS.fullmatch(label)):
        return None, ""
    if named := _ANGLED.match(rest):  # the first was a display name
        return named["address"], rest[named.end() :].lstrip(":> \t")
    return found["address"].strip("."), rest.lstrip(":> \t")


def _in_sentences(notice: str, ours: frozenset[str]) -> dict[str, str]:
    flat = " ".join(notice[:8_000].split())
    found = [match["address"].strip(".") for match in _SENTENCE.finditer(flat)]
    wanted = [address for address in found if address.lower() not in ours and "..." not in address]
    people = [address for address in wanted if not _SERVICE.fullmatch(address)]
    return dict.fromkeys((people or wanted)[:NAMED_LIMIT], "")


def _in_dialogue(lines: Sequence[str], ours: frozenset[str], *forms: re.Pattern[str]) -> dict[str, str]:
    """Addresses of the lines that have one of the forms, each with its line."""
    found: dict[str, str] = {}
    for line in lines:
        match = next((match for form in forms if (match := form.match(line))), None)
        if match and match["address"].lower() not in ours:
            found.setdefault(match["address"].strip("."), line.strip())
    return found


def _wrapped(parsed: Parsed) -> tuple[Told, ...]:
    """A report that a gateway put whole into a notice of its own that names nobody.

    Only then is a returned message looked into: where the notice names a recipient, a report inside is the original.
    """
    for part in parsed.of_type("message/rfc822")[:1]:
        inner = parse(part.content)
        if inner.types[0] == "multipart/report" and daemon(inner.headers):
            return told_by_report(inner)
    return ()


def _our_side(parsed: Parsed) -> frozenset[str]:
    """Addresses that a notice names without meaning a recipient: its own To and From, the original's sender."""
    returned = returned_headers(parsed)
    values = [parsed.headers.get(name) for name in ("to", "from", "delivered-to")]
    if returned:
        values += [returned.get(name) for name in ("from", "return-path", "sender")]
    return frozenset(address.lower() for value in values for address in _addresses(value))


def _paragraph_of(address: str, listed: dict[str, str], lines: Sequence[str]) -> str:
    wanted = address.lower()
    exact = next((text for name, text in listed.items() if name.lower() == wanted and text), None)
    if exact:
        return exact
    local = wanted.split("@", 1)[0]
    for at, line in enumerate(lines):
        if line.strip(" <>:\t").lower() in (wanted, local):
            return "\n".join(takewhile(str.strip, lines[at + 1 : at + 8]))
    return ""


def _told(address: str, paragraph: str, lines: Sequence[str], action: Action, *, alone: bool) -> Told:
    """`paragraph` is what stands below the address; all lines speak for a recipient that is alone."""
    original = _EXPANDED.search(paragraph)
    text = _reply_in(paragraph)
    if not text:
        text = (
            _reply_near(address, lines) or (_reply_in("\n".join(lines)) if alone else "") or " ".join(paragraph.split())
        )
    return Told(
        recipient=original["address"] if original else address,
        action=action,
        status=enhanced_in(text) or enhanced_in(paragraph),
        code=code_in(text),
        enhanced=enhanced_in(text),
        text=text[:TEXT_LIMIT],
    )


def _unnamed(notice: str, action: Action) -> Told:
    """A bounce that tells no recipient: VERP or the Message-ID must."""
    text = _reply_in(notice)
    return Told(None, action, enhanced_in(text), code_in(text), enhanced_in(text), text[:TEXT_LIMIT])


def _reply_in(text: str) -> str:
    """The first SMTP refusal quoted in the text with what follows it in its paragraph, on one line, or ""."""
    for paragraph in re.split(r"\n[ \t]*\n", text[:8_000]):
        flat = " ".join(paragraph.split())
        said = final_words(flat)
        if said is not flat and _REPLY_LINE.match(said):
            return said
        if found := _REPLY_LINE.search(flat):
            return flat[found.start() :]
    return ""


def _reply_near(address: str, lines: Sequence[str]) -> str:
    """A refusal on a line that names the address."""
    return next((reply for line in lines if address in line and (reply := _reply_in(line))), "")


def _addresses(value: str) -> list[str]:
    return [found for piece in re.split(r"[,;\s]", value[:10_000]) if (found := address_in(piece))]


def _unindented(notice: str) -> str:
    """Field lines of a report that stands in the text, without their indent (a folded field keeps its own)."""
    return re.sub(
        r"(?im)^[ \t]+(?=(?:(?:final|original)-recipient|action|status|diagnostic-code|(?:remote|reporting)-mta):)",
        "",
        notice,
    )
