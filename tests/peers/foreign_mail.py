"""Mail as foreign systems write it, made by us after their documented habits; no real mail is in it (tests/samples).

A sample file is text: "@@ NAME" begins a mail, "@ KIND" says what it is, "@ to ADDRESS: REASONS: EFFECT" whom it
tells of ("-" for none; any of the reasons is right), "@ charset NAME" and "@ html" how it is encoded. Then come From,
Subject and what other fields it has, an empty line, the text. "@ part TYPE" begins a further part, "@ original" stands
for the header of our message.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import Header
from itertools import takewhile
from pathlib import Path
from typing import Final

from mail.outcome import Kind

SAMPLES: Final = Path(__file__).parents[1] / "samples"
_ORIGINAL: Final = """\
Return-Path: <news@ours.example>
Received: from mx.ours.example (mx.ours.example [192.0.2.1])
\tby mx.relay.example with ESMTPS id 4711
\tfor <ann@site.example>; Mon, 2 Nov 2026 09:00:00 +0000
From: News <news@ours.example>
To: ann@site.example
Subject: Offer of the week
Message-ID: <m1@ours.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
"""
_REPORTS: Final = ("message/delivery-status", "message/disposition-notification")


@dataclass(frozen=True)
class Told:
    recipient: str | None
    reasons: tuple[str, ...]  # () where any is right
    effect: str


@dataclass(frozen=True)
class Foreign:
    name: str
    kind: Kind
    told: tuple[Told, ...]
    raw: bytes


def samples(file: str) -> list[Foreign]:
    """The mails of tests/samples/`file`.txt."""
    text = (SAMPLES / f"{file}.txt").read_text(encoding="utf-8")
    return [_sample(block) for block in re.split(r"(?m)^@@ ", text)[1:]]


def _sample(block: str) -> Foreign:
    name, _, rest = block.partition("\n")
    lines = rest.split("\n")
    orders = [line.removeprefix("@ ") for line in takewhile(lambda line: line.startswith("@ "), lines)]
    mail = "\n".join(lines[len(orders) :])
    options = dict(order.partition(" ")[::2] for order in orders[1:])
    told = tuple(_told(order.removeprefix("to ")) for order in orders[1:] if order.startswith("to "))
    raw = _mail(mail.rstrip("\n") + "\n", options.get("charset", "utf-8"), "html" if "html" in options else "plain")
    return Foreign(name, Kind(orders[0]), told, raw)


def _told(line: str) -> Told:
    recipient, reasons, effect = line.split(": ")
    return Told(recipient if recipient != "-" else None, () if reasons == "-" else tuple(reasons.split()), effect)


def _mail(written: str, charset: str, kind: str) -> bytes:
    head, _, body = written.replace("@ original\n", _ORIGINAL).partition("\n\n")
    text, *others = re.split(r"(?m)^@ part ", body)
    parts = [_encoded(text, charset, kind), *(_plain_part(part) for part in others)]
    fields = "".join(f"{field}\n" for field in _fields(head, charset)) + "MIME-Version: 1.0\n"
    if len(parts) == 1:
        return fields.encode() + parts[0]
    whole = "report" if others[0].startswith(_REPORTS) else "mixed"
    fields += f'Content-Type: multipart/{whole}; boundary="=_b"\n\n'
    return fields.encode() + b"".join(b"--=_b\n" + part + b"\n" for part in parts) + b"--=_b--\n"


def _fields(head: str, charset: str) -> Iterator[str]:
    for line in [*head.split("\n"), "To: news@ours.example"]:
        name, _, value = line.partition(": ")
        yield line if line.isascii() else f"{name}: {Header(value, charset).encode()}"


def _plain_part(part: str) -> bytes:
    kind, _, content = part.partition("\n")
    return f"Content-Type: {kind}\n\n{content}".encode()


def _encoded(text: str, charset: str, kind: str) -> bytes:
    octets = text.encode(charset)
    wide = charset not in ("utf-8", "us-ascii") and not charset.startswith(("iso-8859", "windows"))
    if text.isascii():
        how, body = "7bit", octets
    elif wide:
        how, body = "base64", base64.encodebytes(octets)
    else:
        how, body = "quoted-printable", quopri.encodestring(octets)
    return f"Content-Type: text/{kind}; charset={charset}\nContent-Transfer-Encoding: {how}\n\n".encode() + body
