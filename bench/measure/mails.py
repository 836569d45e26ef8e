"""Mails of about 8 kB, each another: words of a small language, a thousandth with a rare word in its text."""

from __future__ import annotations

import random
from functools import cache
from typing import Final

RARE_WORD: Final = "Zyxophone"  # in the text of every thousandth mail
RARE_SUBJECT: Final = "Quartzite"  # in the subject of every hundredth
_LENGTH: Final = 7400


@cache
def _pages() -> list[str]:
    chance = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(4000)]
    pages = []
    for _ in range(300):
        lines, size = [], 0
        while size < _LENGTH:
            lines.append(" ".join(chance.choices(words, k=11)).capitalize() + ".")
            size += len(lines[-1]) + 2
        pages.append("\r\n".join(lines))
    return pages


def mail(number: int) -> bytes:
    page = _pages()[number % len(_pages())]
    rare = f"\r\n{RARE_WORD} {number}" if number % 1000 == 0 else ""
    subject = f"{RARE_SUBJECT if number % 100 == 0 else 'About'} matter {number}"
    hop = (
        f"Received: from mx{number % 9}.far.test (mx.far.test [192.0.2.{number % 250}])\r\n"
        f"\tby mx.bench.test with ESMTPS id {number:08x}; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    )
    return (
        f"{hop}{hop}From: Writer {number % 700} <writer{number % 700}@far.test>\r\nTo: Reader <reader@bench.test>\r\n"
        f"Subject: {subject}\r\nDate: Sat, {number % 28 + 1} Nov 2026 10:{number % 60:02}:00 +0000\r\n"
        f"Message-ID: <{number}.{number * 7919}@far.test>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\nLetter {number}.\r\n{page}{rare}\r\n"
    ).encode()
