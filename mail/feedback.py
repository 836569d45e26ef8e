"""Feedback reports: complaints, opt-outs and authentication failures (ARF, RFC 5965; Hotmail's JMRP without it).

Pure. policy/classification asks; a report of any other type than opt-out or auth-failure (abuse, fraud, virus,
other) is a complaint, "not-spam" is none. Raises only mail.parts.UnparsableError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mail.dsn import RETURNED_TYPES, address_in, returned_headers
from mail.outcome import Kind
from mail.parts import Headers, Parsed, header_fields

_TYPE: Final = "message/feedback-report"
_KINDS: Final = {
    "opt-out": Kind.UNSUBSCRIBE,
    "opt-out-list": Kind.UNSUBSCRIBE,
    "auth-failure": Kind.AUTHREPORT,
    "dmarc": Kind.AUTHREPORT,
    "not-spam": Kind.BULK,  # RFC 6430: the opposite of a complaint, no news that changes anything
}
_JMRP_SENDER: Final = "staff@hotmail.com"


@dataclass(frozen=True, slots=True)
class Feedback:
    """`recipients` are whole addresses only: a redacted one is told by VERP or Message-ID, not here."""

    kind: Kind
    recipients: tuple[str, ...]


def feedback(parsed: Parsed) -> Feedback | None:
    """What a feedback report says, or None where the mail is none."""
    if parts := parsed.of_type(_TYPE):
        report = header_fields(parts[0].text().strip().encode("utf-8"))
        kind = _KINDS.get(report.get("feedback-type").strip().lower(), Kind.COMPLAINT)
        return Feedback(kind, _named(report, returned_headers(parsed)))
    if _is_jmrp(parsed):
        return Feedback(Kind.COMPLAINT, _mailed(returned_headers(parsed)))
    return None


def _is_jmrp(parsed: Parsed) -> bool:
    sender = (address_in(parsed.headers.get("from")) or "").lower()
    return (
        sender == _JMRP_SENDER
        and bool(parsed.of_type(*RETURNED_TYPES))
        and "complaint" in parsed.headers.words("subject").lower()
    )


def _named(report: Headers, returned: Headers | None) -> tuple[str, ...]:
    """Original-Rcpt-To, which may come several times (RFC 5965 §3.2), else whom the original was sent to."""
    values = report.all("original-rcpt-to") + report.all("removal-recipient")
    named = [address for value in values if (address := address_in(value))]
    return tuple(dict.fromkeys(named)) or _mailed(returned)


def _mailed(returned: Headers | None) -> tuple[str, ...]:
    """The recipient by the returned header: what the reporter wrote into it first, then To."""
    if returned is None:
        return ()
    for name in ("x-hmxmroriginalrecipient", "x-original-to", "to"):
        if address := address_in(returned.get(name)):
            return (address,)
    return ()
