"""Signs that no person wrote a mail: what keeps it from reviving a client (PRODUCT R4, RFC 3834, RFC 8098).

Pure. policy/classification asks. Each sign is named in words, for the panel and the log. When in doubt it is a
sign: a person who is taken for a machine writes again, a machine taken for a person revives a dead address.
X-Auto-Response-Suppress alone is none (Outlook puts it on ordinary mail), "Auto-Submitted: no" neither.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from mail.automatic_words import CHALLENGES, OPENINGS
from mail.dsn import address_in
from mail.parts import Headers, Parsed

# Their presence is enough.
_REPLY_FIELDS: Final = (
    "x-autoreply",
    "x-autorespond",
    "x-auto-reply",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-ms-exchange-inbox-rules-loop",
    "delivered-by-the-graces-of",
    "x-auto-response-id",
    "x-cron-env",
)
_LIST_FIELDS: Final = ("list-id", "list-unsubscribe", "list-post", "list-help", "feedback-id", "x-mailgun-sid")
_PRECEDENCES: Final = ("bulk", "junk", "list", "auto_reply", "auto-reply")
_DAEMONS: Final = re.compile(
    r"(mailer-?daemon|post[-_]?master|mail-?delivery|maildaemon|mdaemon|mail\.daemon|bounces?|mail-delivery-subsystem"
    r"|(no|do-?not)[-_.]?reply|autoreply|auto-?responder|abuse-?report)([-+=.].*)?@.*",
    re.IGNORECASE,
)

_DAEMON_NAMES: Final = re.compile(r"\b(mailer-daemon|mail delivery (sub)?system|postmaster)\b", re.IGNORECASE)

# How an automatic reply's subject begins, after "Re:" and brackets, in lower case: the big programs' templates.
_AWAY_SUBJECTS: Final = (
    *("automatic reply", "auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "autoresponse"),
    *("automatic response", "automated reply", "automated response", "automatic answer", "auto:", "auto answer"),
    *("out of office", "out of the office", "out-of-office", "ooo:", "ooo ", "ooto", "away from my", "away from the"),
    *(
        "i am away",
        "i'm away",
        "i am out of",
        "i'm out of",
        "i am on ",
        "i'm on ",
        "currently away",
        "currently out of",
    ),
    *("out until", "out till", "out from", "away until", "away till", "away from", "gone until", "absent until"),
    *("on vacation until", "on holiday until", "on leave until", "on annual leave", "on maternity leave"),
    *("vacation reply", "vacation response", "vacation notice", "vacation message", "vacation auto", "holiday notice"),
    *("abwesend", "abwesenheit", "automatische antwort", "ich bin nicht", "ich bin im urlaub", "nicht im büro"),
    *("nicht im haus", "urlaubsabwesenheit", "urlaubsnotiz", "antwort automatisch", "autom. antwort"),
    *("réponse automatique", "reponse automatique", "message automatique", "absence du bureau", "absent du bureau"),
    *("absente du bureau", "absent jusqu", "absente jusqu", "en congé", "en vacances", "je suis absent"),
    *("respuesta autom", "fuera de la oficina", "fuera de oficina", "ausente", "estoy de vacaciones", "ausencia"),
    *("resposta autom", "fora do escrit", "ausência", "ausente do escrit", "estou de férias"),
    *("risposta automatica", "fuori sede", "fuori ufficio", "assente", "assenza", "sono in ferie"),
    *("automatisch antwoord", "automatische beantwoording", "afwezig", "niet aanwezig"),
    *("odpowiedź automatyczna", "odpowiedz automatyczna", "automatyczna odpowied", "poza biurem", "nieobecno"),
    *("автоматический ответ", "автоматическое уведомление", "автоответ", "авто-ответ", "авто ответ", "я в отпуске"),
    *("в отпуске", "нет на месте", "отсутству", "вне офиса", "автоматична відповідь", "автоматическо"),
    *("automatiskt svar", "automatisk svar", "autosvar", "frånvar", "fravær", "ikke til stede", "ikke på kontoret"),
    *("automaattinen vastaus", "poissa", "automatická odpov", "mimo kancelář", "automatikus válasz", "házon kívül"),
    *(
        "răspuns automat",
        "raspuns automat",
        "otomatik yanıt",
        "ofis dışında",
        "samodejni odgovor",
        "automatski odgovor",
    ),
    *("αυτόματη απάντηση", "תשובה אוטומטית", "מענה אוטומטי", "رد تلقائي", "الرد التلقائي"),
    *(
        "自動応答",
        "自動返信",
        "自動回覆",
        "自动回复",
        "自动答复",
        "自動回复",
        "不在通知",
        "不在のお知らせ",
        "不在の連絡",
    ),
    *(
        "休暇",
        "外出中",
        "부재중",
        "자동 응답",
        "자동 회신",
        "자동회신",
        "trả lời tự động",
        "balasan otomatis",
        "ตอบกลับอัตโนมัติ",
    ),
)
# Notes names the person first.
_AWAY_WITHIN_SUBJECTS: Final = (
    *(" is out of the office", " is out of office", " is away", " ist außer haus", " ist ausser haus"),
    *(" ist nicht im büro", " ist abwesend", " ist im urlaub", " est absent", " sera absent", " est en congé"),
    *(" está fuera de la oficina", " está ausente", " está fora do escrit", " è fuori sede", " è assente"),
    *(" is niet aanwezig", " is afwezig", " jest poza biurem", " jest nieobecn", " er ikke på kontoret"),
    *(" är inte på kontoret", "さんは不在", "は不在です", "は外出しております", "不在办公室", "不在辦公室"),
)
# A machine that opens tickets answers so, wherever in the subject.
_TICKET_SUBJECTS: Final = (
    *("we have received your", "we received your", "your request has been received", "your ticket has been"),
    *("ticket received", "ticket created", "case created", "request received", "thank you for your e-mail"),
    *("thank you for your email", "thank you for your message", "thank you for contacting", "[ticket#", "[ticket #"),
    *("ваше обращение", "ваша заявка", "ihre anfrage ist eingegangen", "eingangsbestätigung"),
)
# The first written lines say so themselves, in lower case and without the fillers below.
_AWAY_OPENINGS: Final = (
    *(
        "i am out of office",
        "i am out of the office",
        "i'm out of office",
        "i'm out of the office",
        "be out of the office",
    ),
    *("i am away from", "i'm away from", "i am away until", "i'm away until", "i will be away", "i'll be away"),
    *("i am on leave", "i'm on leave", "i am on annual leave", "i am on maternity leave", "i am on parental leave"),
    *(
        "i am on vacation",
        "i'm on vacation",
        "i am on holiday",
        "i'm on holiday",
        "i am out of town",
        "office is closed",
    ),
    *("this is an automatic", "this is an automated", "this is an auto-", "automatically generated"),
    *(
        "no longer works here",
        "no longer work here",
        "no longer works for",
        "no longer employed",
        "has left the company",
    ),
    *("ich bin nicht im büro", "ich bin abwesend", "ich bin im urlaub", "ich bin außer haus", "nicht im hause"),
    *("dies ist eine automatische", "diese e-mail wurde automatisch", "bin ich nicht im büro", "bin ich im urlaub"),
    *("je suis absent", "je suis en cong", "je suis en vacances", "actuellement absent", "hors du bureau"),
    *("ceci est une réponse automatique", "ceci est un message automatique"),
    *("estoy fuera de la oficina", "estaré fuera de la oficina", "me encuentro fuera", "estoy de vacaciones"),
    *("esta es una respuesta automática", "estou fora do escrit", "estarei fora do escrit", "estou de férias"),
    *("sono fuori ufficio", "sono fuori sede", "sono in ferie", "sarò assente", "sono assente"),
    *("ik ben niet aanwezig", "ik ben afwezig", "ik ben op vakantie", "ik ben met vakantie"),
    *("jestem nieobecn", "przebywam na urlopie", "jestem poza biurem", "jestem na urlopie", "przebywam poza biurem"),
    *("я в отпуске", "я нахожусь в отпуске", "нахожусь в отпуске", "я отсутствую", "меня не будет", "я вне офиса"),
    *("это автоматический ответ", "письмо сформировано автоматически", "inte på kontoret", "ikke på kontoret"),
    *("jag är på semester", "jag är ledig", "jeg er på ferie", "olen poissa", "olen lomalla"),
    *(
        "不在にして",
        "休暇をいただ",
        "休暇を取",
        "休暇中",
        "目前不在",
        "我正在休假",
        "我不在办公室",
        "我现在不在",
        "自动回复",
    ),
)
_FILLERS: Final = re.compile(
    r"\b(currently|presently|now|momentan|derzeit|aktuell|zurzeit|actuellement|actualmente|atualmente|attualmente"
    r"|momenteel|obecnie|сейчас)\s+"
)
_CHALLENGES: Final = (
    *(
        "confirm your message",
        "confirm your email",
        "confirm your e-mail",
        "confirm your mail",
        "confirm your identity",
    ),
    *("confirm that you", "you are human", "you are a human", "you are a person", "you are a real person"),
    *("confirmation required", "confirmation is required", "confirmation needed", "(action required)"),
    *("verify your email", "verify your e-mail", "verify your message", "verify yourself", "verify that you are"),
    *("authenticate your message", "sender verification", "challenge/response", "challenge-response"),
    *("message is being held", "mail is being held", "email is being held", "awaiting your confirmation"),
    *("not on my list of approved", "approved sender", "guest list", "whitelist", "white list", "allowed list"),
)
_REPLY_PREFIX: Final = re.compile(r"[\W_]*(?:(?:re|aw|sv|fwd?|antw|odp|rv|tr|wg|vs|ynt|回复|答复)\s?[:：][\W_]*)*")

_OPENING_LINES: Final = 6
_OPENING_LIMIT: Final = 600


def signs(parsed: Parsed, reverse_path: str | None) -> tuple[str, ...]:
    """Every sign found, in words; () for what a person seems to have written.

    `reverse_path` is that of the envelope ("" or "<>" is the null path), None where only a Return-Path field knows.
    """
    headers = parsed.headers
    return (
        *_envelope_signs(headers, reverse_path),
        *_field_signs(headers),
        *list_signs(headers),
        *_type_signs(parsed),
        *_word_signs(parsed),
    )


def list_signs(headers: Headers) -> tuple[str, ...]:
    """Signs of mail to many: a list's or a campaign's fields."""
    return tuple(name for name in _LIST_FIELDS if name in headers)


def null_path(headers: Headers, reverse_path: str | None) -> bool:
    """Whether the reverse-path is null, by the envelope or else by the Return-Path field."""
    if reverse_path is not None:
        return reverse_path.strip() in ("", "<>")
    return "return-path" in headers and headers.get("return-path").strip() in ("", "<>", "<#@[]>")


def away(parsed: Parsed) -> bool:
    """Whether the subject or the opening lines are those of an out-of-office reply."""
    return away_by_subject(parsed) or _holds(_FILLERS.sub("", opening(parsed)), _AWAY_OPENINGS + OPENINGS)


def away_by_subject(parsed: Parsed) -> bool:
    """Whether the subject alone says so."""
    subject = _subject(parsed)
    return subject.startswith(_AWAY_SUBJECTS) or _holds(subject, _AWAY_WITHIN_SUBJECTS)


def challenges(parsed: Parsed) -> bool:
    """Whether a machine asks the sender to prove being a person; asked only of mail that is automatic anyhow."""
    written = opening(parsed)
    return _holds(_subject(parsed), _CHALLENGES) or _holds(written, _CHALLENGES + CHALLENGES)


def daemon(headers: Headers) -> bool:
    """Whether From is a mail system or an address that nobody reads."""
    sender = headers.words("from")[:500]
    address = address_in(sender) or ""
    return bool(_DAEMONS.match(address)) or bool(_DAEMON_NAMES.search(sender))


def opening(parsed: Parsed) -> str:
    """The first written lines in lower case, without quoted ones, at most _OPENING_LIMIT characters."""
    text = parsed.plain()[:5_000]
    stripped = map(str.strip, text.split("\n"))
    lines = islice((line for line in stripped if line and line[0] not in "<>"), _OPENING_LINES)
    return " ".join(lines)[:_OPENING_LIMIT].lower().replace("\u2019", "'")


def _envelope_signs(headers: Headers, reverse_path: str | None) -> list[str]:
    found = ["null reverse-path"] if null_path(headers, reverse_path) else []
    if daemon(headers):
        found.append("from a mail system")
    return found


def _field_signs(headers: Headers) -> list[str]:
    found = [name for name in _REPLY_FIELDS if name in headers]
    submitted = headers.get("auto-submitted").split(";")[0].split("(")[0].strip().lower()
    if submitted not in ("", "no"):
        found.append(f"auto-submitted: {submitted[:40]}")
    precedence = headers.get("precedence").strip().lower()
    if precedence in _PRECEDENCES:
        found.append(f"precedence: {precedence}")
    return found


def _type_signs(parsed: Parsed) -> list[str]:
    return [kind for kind in parsed.types[:1] if kind == "multipart/report"]


def _word_signs(parsed: Parsed) -> list[str]:
    found = ["out of office"] if away(parsed) else []
    if _holds(opening(parsed), CHALLENGES):
        found.append("challenge")
    if _holds(_subject(parsed), _TICKET_SUBJECTS):
        found.append("ticket system")
    return found


def _subject(parsed: Parsed) -> str:
    """The subject without its "Re:" and brackets, in lower case, at most 300 characters."""
    subject = parsed.headers.words("subject")[:300].lower()
    prefix = _REPLY_PREFIX.match(subject)
    return subject[prefix.end() :] if prefix else subject


def _holds(text: str, phrases: tuple[str, ...]) -> bool:
    return any(map(text.__contains__, phrases))


def answers(headers: Headers, found: tuple[str, ...]) -> bool:
    """Whether an automatic mail answers one of ours, and was not made of itself (an invoice, a notice)."""
    generated = any(sign.startswith("auto-submitted: auto-generated") for sign in found)
    in_reply = "in-reply-to" in headers or "references" in headers
    return in_reply or not generated or "out of office" in found or null_sign(found)


def null_sign(found: tuple[str, ...]) -> bool:
    return "null reverse-path" in found
