"""Whole mails, as the sorter reads them: classification (DSN, ARF, prose, JSON), the index and the texts of filing."""

from __future__ import annotations

from typing import Final

import msgspec
from fuzz.target import Target

from mail.header import Headers
from mail.mime_index import index
from mail.outcome import Effect, Kind
from mta.inbound.headers import delivered_to, hops, without_forged
from mta.inbound.parse_child import Read, read_message
from policy.classification import Classified, classify_mail

DSN: Final = b"""Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.site.example>\nTo: <b+1-x@ours.example>
Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\nAuto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b/1"\n\nThis is MIME.\n--b/1
Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n
<ann@site.example>: host mx.site.example[192.0.2.1] said: 550 5.1.1 no such us=\ner (in reply to RCPT TO)\n\n--b/1
Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.site.example\n
Original-Recipient: rfc822;ann@site.example\nFinal-Recipient: rfc822; ann@site.example\nAction: failed\nStatus: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <ann@site.example>... User\n unknown\n\n--b/1\nContent-Type: message/rfc822\n
From: us@ours.example\nTo: ann@site.example\nMessage-ID: <r.1@ours.example>\nSubject: =?utf-8?B?SGVsbG8=?=\n
Hello\n--b/1--
"""
ARF: Final = b"""From: <feedback@site.example>\nSubject: FW: Offer
Content-Type: multipart/report; report-type=feedback-report;
 boundary=c\n\n--c\nContent-Type: text/plain\n\nabuse report\n--c\nContent-Type: message/feedback-report
\nFeedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <ann@site.example>\n\n--c\nContent-Type: message/rfc822\n
From: us@ours.example\nTo: undisclosed-recipients:;\nMessage-ID: <r.1@ours.example>\n\nHello\n--c--\n"""
PROSE: Final = b"""From: MAILER-DAEMON@site.example\nSubject: failure notice\n\nHi. This is the qmail-send program.
I'm afraid I wasn't able to deliver your message to the following addresses.\n\n<ann@site.example>:
Remote host said: 552 5.2.2 mailbox full\n\n--- Below this line is a copy of the message.
\nReturn-Path: <us@ours.example>\nTo: Ann <ann@site.example>, bob@site.example\nReceived: from a by b
  for <ann@site.example>; Mon, 2 Nov 2026\n\nHello\n"""
JSON: Final = b"""From: n@sns.site.example\nContent-Type: text/plain\n
{"notificationType":"Bounce","bounce":{"bounceSubType":"NoEmail","bouncedRecipients":[{"emailAddress":"ann@site.example",
"status":"5.1.1","diagnosticCode":"smtp; 550"}]},"mail":{"commonHeaders":{"messageId":"<r.1@ours.example>"}}}\n"""
PERSON: Final = b"""From: "Ann" <ann@site.example>\nTo: us@ours.example\nSubject: Re: Offer
In-Reply-To: <r.1@ours.example>\nContent-Type: multipart/alternative; boundary=d\n\n--d
Content-Type: text/plain; charset=iso-2022-jp
\nYes.\n--d
Content-Type: text/html; charset="windows-1251"\nContent-Transfer-Encoding: base64\n\nPHA+WWVzPC9wPg==\n--d--\n"""

SEEDS: Final = [seed.replace(b"\n", end) for seed in (DSN, ARF, PROSE, JSON, PERSON) for end in (b"\n", b"\r\n")]
PIECES: Final = [
    b"\n", b"\r\n", b"\r", b"\0", b" ", b"\t", b"\n\n", b"--b/1\n", b"--b/1--\n", b"--c\n", b"--d\n", b":", b";",
    b"<", b">", b"@", b"(", b")", b'"', b"\\", b"=?utf-8?B?SGVsbG8=?=", b"=?utf-8?q?=", b"=?", b"?=", b"=\n", b"=C3",
    b"\xff\xfe", "ü".encode(), b"ann@site.example", b"<ann@site.example>:\n", b"550 5.1.1 user unknown\n",
    b"Content-Type: multipart/mixed; boundary=d\n", b"Content-Type: message/rfc822\n\n",
    b"Content-Type: message/delivery-status\n\n", b"Content-Transfer-Encoding: base64\n",
    b"Final-Recipient: rfc822; x@y\n", b"Action: failed\n", b"Status: 5.1.1\n", b"Content-Type: text/html\n\n",
    b"<style>", b"<p", b"&#", b"{", b"[", b'"Message":', b"charset=utf-7", b"charset=idna", b"Received: by x\n",
    b"From: a@b, c@d\n", b"To: ", b"\n ", b"...", b">", b"Feedback-Type: abuse\n", b"was not delivered to ",
    b"/rfc-822=", b"{", b"}", b"said: ", b"  ", b"list:a@b;", b"Subject: Re: ",
]  # fmt: skip


def _classify(octets: bytes) -> None:
    for path in (None, "", "ann@site.example"):
        mail = classify_mail(octets, path)
        again = msgspec.json.decode(msgspec.json.encode(mail), type=Classified)
        assert again == mail, "what goes through the pipe is not what was found"
        if mail.kind in (Kind.HUMAN, Kind.BULK, Kind.AUTOREPLY, Kind.CHALLENGE, Kind.MDN, Kind.AUTHREPORT):
            assert not mail.recipients, f"{mail.kind} names recipients"
        if mail.kind is Kind.DELAY:
            assert all(one.effect is Effect.NONE for one in mail.recipients), "a delay counts"
        assert all("\0" not in one.text and len(one.text) <= 2_000 for one in mail.recipients)


def _file(octets: bytes) -> None:
    read = read_message("ann@site.example", octets)
    assert msgspec.json.decode(msgspec.json.encode(read), type=Read) == read
    for part in index(octets).parts.parts.values():
        assert 0 <= part.header_start <= part.body_start <= part.end <= len(octets), f"a part beyond the mail: {part}"


def _headers(octets: bytes) -> None:
    hops(Headers.of(octets))
    delivered_to(Headers.of(octets))
    kept = without_forged(octets, "mx.ours.example")
    assert without_forged(kept, "mx.ours.example") == kept, "a forged result behind a forged one stays"


TARGETS: Final = (
    Target("classify", SEEDS, PIECES, _classify),
    Target("filing", SEEDS, PIECES, _file),
    Target("arrival headers", SEEDS, [*PIECES, b"Authentication-Results: mx.ours.example; spf=pass\n"], _headers),
)
