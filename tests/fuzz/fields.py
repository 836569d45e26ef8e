"""Single values that strangers write: addresses, commands, DKIM and DMARC records, policies, replies of hosts."""

from __future__ import annotations

import contextlib
from typing import Final

from fuzz.target import Target

from mail.address import Address, parse_mailbox
from mail.address_list import read_addresses
from mail.base_subject import base_subject
from mail.dkim_claim import read_claim, tags_of
from mail.encoded_words import decoded
from mail.report_target import targets
from mail.tls_report import report_addresses
from mta.authors import addresses
from mta.smtp_command import BadCommand, read_mail, read_rcpt
from policy.authentication import only_record
from policy.mta_sts import parse

PIECES: Final = [
    b"<", b">", b"@", b",", b";", b":", b"(", b")", b'"', b"\\", b" ", b"\t", b"=", b".", b"..", b"[192.0.2.1]",
    b"[IPv6:::1]", b"xn--", "ü".encode(), "ａ".encode(), "\u202e".encode(), b"\xff", b"\0", b"\r\n",
    b"ann@site.example", b"SIZE=1", b"SMTPUTF8", b"BODY=8BITMIME", b"v=DMARC1", b"p=reject", b"rua=mailto:a@b!10m",
    b"%", b"!", b"v=1; a=rsa-sha256; d=site.example; s=x; h=from; bh=; b=", b"=?utf-8?q?a?=", b"=?utf-8?b?YQ==?=",
    b"Re: ", b"[x] ", b"Fwd: ", b"(fwd)", b"group:", b"550 5.1.1 ", b"does not", b"user", b"exist", b"-",
]  # fmt: skip


def _address(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    with contextlib.suppress(ValueError):
        address = parse_mailbox(text)
        assert str(parse_mailbox(str(address))) == str(address), "what is written is read as another address"
        assert address.normalised == parse_mailbox(address.normalised).normalised
        assert "\n" not in str(address) and "\r" not in str(address) and "\0" not in str(address)


def _address_list(octets: bytes) -> None:
    assert len(read_addresses(octets, 100)) <= 110, "about the limit, groups may be closed behind it"
    addresses(octets.decode("latin-1"))


def _command(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    for internationalised in (False, True):
        with contextlib.suppress(BadCommand):
            found = read_rcpt(text, extended=True, internationalised=internationalised)
            assert found is None or isinstance(found, Address)
    with contextlib.suppress(BadCommand):
        mail = read_mail(text, 1000, extended=True)
        assert 0 <= mail.size <= 1000


def _records(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    only_record([text])
    report_addresses([text])
    targets(text.split(","))
    read_claim(octets)
    for read in (tags_of, lambda text: parse(text.encode())):
        with contextlib.suppress(ValueError):
            read(text)


def _words(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    decoded(text)
    base, _ = base_subject(text)
    assert base_subject(base)[0] == base, "a base subject that has one itself (RFC 5256 §2.1)"


TARGETS: Final = (
    Target("address", [b"ann@site.example", b'"a b"@[192.0.2.1]', "jörg@müller.example".encode()], PIECES, _address),
    Target("address list", [b'"Ann" <ann@site.example>, bob@site.example', b"g: a@b, c@d;"], PIECES, _address_list),
    Target(
        "mail and rcpt", [b"FROM:<ann@site.example> SIZE=10", b"TO:<@a.example:ann@site.example>"], PIECES, _command
    ),
    Target(
        "records",
        [
            b"v=DMARC1; p=reject; rua=mailto:a@b.example!10m,mailto:c@d.example; pct=50",
            b"v=TLSRPTv1; rua=mailto:a@b.example",
        ],
        PIECES,
        _records,
    ),
    Target("words", [b"Re: [list] =?utf-8?q?Offer?= (fwd)", b"Fwd: [Re: x]"], PIECES, _words),
)
