"""Whether a mail is a mail system's notice in prose about another mail, and where in its text the copy of that begins.

Pure. mail/rawbounce asks, then reads whom the notice names. People quote, forward and answer notices, and machines
write much that is none; so words alone are not enough where no sign says that a machine wrote them.
Raises only mail.parts.UnparsableError.
"""

from __future__ import annotations

from mail.automatic import away_by_subject, daemon, list_signs
from mail.dsn import RETURNED_TYPES, enhanced_in
from mail.notice_forms import ANGLED, COPY, FORWARDED, LISTED, REPLY_LINE, SENTENCE
from mail.notice_words import NOTICES, SUBJECTS, holds
from mail.parts import Parsed


def is_notice(parsed: Parsed, notice: str, by_machine: bool) -> bool:
    if "x-failed-recipients" in parsed.headers:
        return True
    subject = parsed.headers.words("subject")[:300].lower()
    if not by_machine:
        return _is_unsigned_notice(parsed, subject, notice)
    proved = _begins_copy(parsed, notice) or _quotes_reply(notice)
    said = holds(subject, SUBJECTS) or holds(notice[:4_000].lower(), NOTICES)
    if away_by_subject(parsed):
        return proved and said
    from_daemon = daemon(parsed.headers) and not list_signs(parsed.headers)
    return (said and (proved or from_daemon or _names_one(notice))) or (from_daemon and proved)


def _is_unsigned_notice(parsed: Parsed, subject: str, notice: str) -> bool:
    """A mail without any sign must say it in subject and first lines, name somebody, and answer or forward nothing."""
    opening = "\n".join(line for line in notice[:1_500].split("\n") if not line.startswith(">"))
    early = opening[:600].lower()
    if "in-reply-to" in parsed.headers or FORWARDED.match(subject) or "forwarded message" in early:
        return False
    if "references" in parsed.headers and subject.startswith("re:"):
        return False
    in_subject, copied = holds(subject, SUBJECTS), _begins_copy(parsed, notice)
    if not (in_subject or copied):  # most mail, which need not be searched for a thousand phrases
        return False
    in_opening = holds(early, NOTICES)
    said = (in_subject and (in_opening or copied)) or (in_opening and copied and _quotes_reply(notice))
    return said and _names_one(opening)


def _quotes_reply(notice: str) -> bool:
    return bool(REPLY_LINE.search(notice) or enhanced_in(notice))


def _begins_copy(parsed: Parsed, notice: str) -> bool:
    return bool(parsed.of_type(*RETURNED_TYPES)) or len(notice) < len(parsed.plain())


def _names_one(notice: str) -> bool:
    lines = notice[:4_000].split("\n")
    return any(LISTED.match(line) for line in lines) or bool(
        SENTENCE.search(notice[:4_000]) or ANGLED.search(notice[:4_000])
    )


def before_copy(text: str) -> str:
    """The notice; all of the text where a copy seems to begin at its very first line."""
    for found in COPY.finditer(text):
        if text[: found.start()].strip():
            return text[: found.start()]
    return text
