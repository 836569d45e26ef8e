"""Octets in the charset that a mail names, as text: the names that programs use, read as what they really send.

Pure, never raises. Programs that label text GB2312, EUC-KR, Shift JIS or Latin-1 send the larger sets of Windows under
those names (encoding.spec.whatwg.org says which), and some label it in ways of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# An allow-list: Python's names include quadratic ones (idna, punycode) and utf-7, which makes lone surrogates.
_KNOWN: Final = re.compile(
    r"utf-?(8|16|16le|16be)|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?\d|windows-?125\d|cp\d{3,4}|koi8-?[rtu]|gb2312|gbk"
    r"|gb18030|big5|big5-?hkscs|euc-?(jp|kr)|iso-?2022-?(jp|kr)(-\d)?|shift[-_]?jis|tis-?620|mac-?(cyrillic|roman)",
    re.IGNORECASE,
)
_READ_AS: Final[Mapping[str, str]] = {
    name: charset
    for charset, names in {
        "gb18030": "gb2312 gbk x-gbk gb_2312-80 eucgb2312_cn euc-cn cp936 windows-936",
        "cp949": "euc-kr euckr ks_c_5601-1987 ks_c_5601 ksc5601 windows-949",
        "cp932": "shift_jis shift-jis sjis x-sjis windows-31j",
        "cp950": "windows-950 x-big5",
        "euc_jp": "x-euc-jp",
        "cp1252": "iso-8859-1 latin1 latin-1 iso8859-1 iso8859_1 iso_8859-1",
        "cp1254": "iso-8859-9",
        "cp874": "windows-874 tis-620",
        "iso-8859-8": "iso-8859-8-i iso-8859-8-e",
        "ascii": "ansi_x3.4-1968",
        "utf-8": "utf8mb4 unicode-1-1-utf-8",
    }.items()
    for name in names.split()
}


def in_charset(octets: bytes, charset: str) -> str:
    """Decoded leniently; a charset that is unknown, or too clever, is read as UTF-8 or else Latin-1."""
    named = charset.lower()
    read_as = _READ_AS.get(named) or (named if _KNOWN.fullmatch(named) else "")
    if read_as:
        try:
            return octets.decode(read_as, "replace").replace("\0", "\ufffd")
        except LookupError:
            pass
    return lenient(octets)


def lenient(octets: bytes) -> str:
    """UTF-8, else Latin-1; NUL becomes U+FFFD, since a database's text may not hold it."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return text.replace("\0", "\ufffd")
