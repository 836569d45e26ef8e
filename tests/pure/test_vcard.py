"""The addresses on vCards in a mail, whatever form the program gave them."""

from __future__ import annotations

import pytest

from mail.vcard import ADDRESSES_LIMIT, card_addresses

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe\r\nEMAIL;TYPE=work:Dora@Doe.test\r\nitem1.EMAIL:do\r\n ra@home.test\r\n"
CARD += "EMAIL:no address\r\nNOTE:EMAIL:hidden@doe.test\r\nEND:VCARD\r\n"


def mail(kind: str, card: str, more: str = "") -> bytes:
    text = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHi, EMAIL:x@y.test\r\n'
    return f"{text}--b\r\nContent-Type: {kind}\r\n{more}\r\n{card}--b--\r\n".encode()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("text/vcard; charset=utf-8", ""),
        ("text/x-vcard; name=dora.vcf", ""),
        ("application/octet-stream", 'Content-Disposition: attachment; filename="Dora.VCF"\r\n'),
    ],
)
def test_a_card_tells_its_addresses(kind: str, more: str) -> None:
    assert card_addresses(mail(kind, CARD, more)) == ("dora@doe.test", "dora@home.test")


def test_other_parts_tell_none_and_many_are_cut() -> None:
    assert card_addresses(mail("text/plain", CARD)) == ()
    assert card_addresses(b"\xff\0text/vcard") == ()
    many = "".join(f"EMAIL:a{number}@b.test\r\n" for number in range(500))
    assert len(card_addresses(mail("text/vcard", many))) == ADDRESSES_LIMIT
