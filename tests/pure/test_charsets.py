"""Names of charsets that programs use, and what they really send under them."""

from __future__ import annotations

import pytest

from mail.charsets import in_charset


@pytest.mark.parametrize(
    ("named", "sent", "text"),
    [
        ("ks_c_5601-1987", "cp949", "부재중 자동 응답"),
        ("EUC-KR", "cp949", "똠방각하"),  # outside EUC-KR proper
        ("eucgb2312_cn", "gb2312", "自动回复"),
        ("GB2312", "gbk", "朱镕基"),  # outside GB 2312
        ("x-sjis", "cp932", "①自動返信"),
        ("Shift_JIS", "cp932", "髙橋"),
        ("iso-8859-1", "cp1252", "“l’été” – 5 €"),
        ("windows-874", "cp874", "ตอบกลับ"),
        ("iso-8859-8-i", "iso-8859-8", "מענה"),
        ("iso-2022-jp", "iso-2022-jp", "不在"),
    ],
)
def test_text_is_read_as_it_was_meant(named: str, sent: str, text: str) -> None:
    assert in_charset(text.encode(sent), named) == text


@pytest.mark.parametrize("named", ["", "punycode", "utf-7", "idna", "no such", "x" * 1000])
def test_a_charset_that_is_none_of_ours_is_utf_8_or_latin_1(named: str) -> None:
    assert in_charset("Grüße".encode(), named) == "Grüße"
    assert in_charset("Grüße".encode("latin-1"), named) == "Grüße"


def test_no_text_has_a_nul() -> None:
    assert "\0" not in in_charset(b"a\0b", "iso-8859-1") + in_charset(b"a\0b", "")
