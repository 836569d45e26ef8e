"""One SMTP reply (RFC 5321 §4.2) with its enhanced status code (RFC 3463, RFC 2034).

Pure. Made by net/smtp_client from the wire and by mail/dsn from a Diagnostic-Code; every judgement about
a refusal starts from this value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` is the lines without their codes, joined by newline; `enhanced` is "" where the host gave none."""

    code: int
    enhanced: str
    text: str

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600

    def __str__(self) -> str:
        words = [str(self.code), self.enhanced, self.text.replace("\n", " ")]
        return " ".join(word for word in words if word)


def parse_lines(lines: Sequence[bytes]) -> Reply:
    """The reply that these lines (without CRLF) make together; ValueError where the first has no code.

    Octets that are not UTF-8 are kept readable as U+FFFD: the text is for people and for bounce rules.
    """
    first = lines[0] if lines else b""
    if len(first) < 3 or not first[:3].isdigit():
        raise ValueError(f"not an SMTP reply: {first[:80]!r}")
    texts = [line[4:].decode("utf-8", "replace") for line in lines]
    enhanced = ""
    if found := _ENHANCED.match(texts[0]):
        enhanced = found.group(1)
        # RFC 2034 §4: every line of the reply repeats the enhanced code.
        texts = [text.removeprefix(enhanced).lstrip() if text.startswith(enhanced) else text for text in texts]
    return Reply(int(first[:3]), enhanced, "\n".join(texts).strip())
