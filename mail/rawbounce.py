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
from mail.notice import before_copy, is_notice
from mail.notice_forms import (
    ANGLED,
    ASKED,
    BARE,
    EXPANDED,
    LABELS,
    LISTED,
    OTHER_LABELS,
    REFUSED,
    REPLY_LINE,
    SENTENCE,
    SERVICE,
    SUMMARY,
)
from mail.notice_words import DELAYS, FINALS, REFUSAL_RECEIPT, holds
from mail.original import mailed_to
from mail.outcome import Action
from mail.parts import Parsed, parse

LINES_LIMIT: Final = 400
LINE_LIMIT: Final = 1_000
NAMED_LIMIT: Final = 200


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
    notice = before_copy(text)
    if not is_notice(parsed, notice, by_machine):
        return None
    action = _action(parsed, notice)
    told = words_about(parsed, tuple(islice(told_in_fields(_unindented(notice)), NAMED_LIMIT)))
    if not told:
        told = tuple(islice(_named(parsed, notice, action), NAMED_LIMIT))
    return RawBounce(told or _by_original(parsed, text[len(notice) :], notice, action), notice[:TEXT_LIMIT])


def words_about(parsed: Parsed, told: Sequence[Told]) -> tuple[Told, ...]:
    """The same recipients, with the prose that stands beside a report where its fields name or quote nothing."""
    if all(one.text and one.recipient for one in told):
        return tuple(told)
    notice = before_copy(parsed.plain())
    lines = [line[:LINE_LIMIT] for line in notice.split("\n")[:LINES_LIMIT]]
    listed = _listed(lines, frozenset())
    alone = len(told) == 1
    only = next(iter(listed)) if len(listed) == 1 and alone else None
    if alone and only is None and told[0].recipient is None:
        mailed = mailed_to(parsed, "")
        only = mailed[0] if len(mailed) == 1 else None
    return tuple(_explained(replace(one, recipient=one.recipient or only), listed, lines, alone=alone) for one in told)


def _explained(told: Told, listed: dict[str, str], lines: Sequence[str], *, alone: bool) -> Told:
    if told.text:
        return told
    address = told.recipient or ""
    words = _told(address, _paragraph_of(address, listed, lines), lines, told.action or Action.FAILED, alone=alone)
    return replace(told, text=words.text, code=told.code or words.code, enhanced=told.enhanced or words.enhanced)


def refused_by_receipt(parsed: Parsed) -> bool:
    """Whether a disposition notification is a refusal: Sieve's `reject` says so in one (RFC 5429 §2.2)."""
    return REFUSAL_RECEIPT in parsed.plain()[:2_000].lower()


def _action(parsed: Parsed, notice: str) -> Action:
    words = f"{parsed.headers.words('subject')} {notice[:4_000]}".lower()
    delayed = holds(words, DELAYS) and not holds(words, FINALS)
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
    found = listed or _in_sentences(notice, ours) or _in_dialogue(lines, ours, REFUSED, ASKED)
    if not found and (wrapped := _wrapped(parsed)):
        yield from wrapped
        return
    found = found or _in_dialogue(lines, ours, SUMMARY) or _beside_replies(lines, ours) or _in_angles(notice, ours)
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
    people = {address: text for address, text in kept.items() if not SERVICE.fullmatch(address)}
    return people or kept


def _listed_address(line: str, ours: frozenset[str]) -> tuple[str | None, str]:
    """(address, what follows it) of a line that names a recipient; (None, "") of any other."""
    found = LISTED.match(" ".join(line.split()))
    if found is None or "..." in found["address"]:
        return None, ""
    label = (found["label"] or "").strip()
    rest = found["rest"].lstrip()
    # "<address>:" names a recipient even where it is the sender's own (a mail to oneself).
    if found["address"].lower() in ours and (label or not rest.startswith(":")):
        return None, ""
    if label and (OTHER_LABELS.fullmatch(label) or not LABELS.fullmatch(label)):
        return None, ""
    if named := ANGLED.match(rest):  # the first was a display name
        return named["address"], rest[named.end() :].lstrip(":> \t")
    return found["address"].strip("."), rest.lstrip(":> \t")


def _in_sentences(notice: str, ours: frozenset[str]) -> dict[str, str]:
    flat = " ".join(notice[:8_000].split())
    found = [match["address"].strip(".") for match in SENTENCE.finditer(flat)]
    wanted = [address for address in found if address.lower() not in ours and "..." not in address]
    people = [address for address in wanted if not SERVICE.fullmatch(address)]
    return dict.fromkeys((people or wanted)[:NAMED_LIMIT], "")


def _in_dialogue(lines: Sequence[str], ours: frozenset[str], *forms: re.Pattern[str]) -> dict[str, str]:
    """Addresses of the lines that have one of the forms, each with its line."""
    found: dict[str, str] = {}
    for line in lines:
        match = next((match for form in forms if (match := form.match(line))), None)
        if match and match["address"].lower() not in ours:
            found.setdefault(match["address"].strip("."), line.strip())
    return found


def _beside_replies(lines: Sequence[str], ours: frozenset[str]) -> dict[str, str]:
    """Addresses that stand in the same line as a host's refusal, each with its line."""
    found: dict[str, str] = {}
    for line in lines:
        if REPLY_LINE.search(line):
            for address in ANGLED.findall(line):
                if address.lower() not in ours and not SERVICE.fullmatch(address):
                    found.setdefault(address.strip("."), line.strip())
    return found


def _in_angles(notice: str, ours: frozenset[str]) -> dict[str, str]:
    """The address in angle brackets, where the notice has but one."""
    found = {address.lower(): address for address in ANGLED.findall(notice[:4_000])}
    people = [address for key, address in found.items() if key not in ours and not SERVICE.fullmatch(address)]
    return {people[0]: ""} if len(people) == 1 else {}


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
    original = EXPANDED.search(paragraph)
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


def _by_original(parsed: Parsed, copy: str, notice: str, action: Action) -> tuple[Told, ...]:
    """A notice that names nobody by a whole address: it speaks of whom the original was for, where that was one.

    Else of the users whom it names as its own; else only VERP or the Message-ID can tell.
    """
    text = _reply_in(notice)
    bare = [name for block in BARE.finditer(notice[:4_000]) for name in block["names"].split()][:NAMED_LIMIT]
    names = {name.strip("<>:").lower() for name in bare}
    mailed = mailed_to(parsed, copy)
    meant = [address for address in mailed if address.split("@")[0].lower() in names] or mailed
    own = address_in(parsed.headers.get("from")) if daemon(parsed.headers) else None
    if not mailed and names and own:
        meant = [f"{name}@{own.partition('@')[2]}" for name in sorted(names)]
    recipients = meant if len(meant) == 1 or names else [None]
    return tuple(
        Told(one, action, enhanced_in(text), code_in(text), enhanced_in(text), text[:TEXT_LIMIT]) for one in recipients
    )


def _reply_in(text: str) -> str:
    """The first SMTP refusal quoted in the text with what follows it in its paragraph, on one line, or ""."""
    for paragraph in re.split(r"\n[ \t]*\n", text[:8_000]):
        flat = " ".join(paragraph.split())
        said = final_words(flat)
        if said is not flat and REPLY_LINE.match(said):
            return said
        if found := REPLY_LINE.search(flat):
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
