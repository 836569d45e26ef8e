"""Header fields: read from raw octets without a full parse, written so that no value can make a line.

Pure. Read side (RFC 5322 §2.2, tolerant): mail/mime_index, mail/dsn and the session look fields up in octets as they
came. Write side: mail/message and whoever adds a field. `fold` and `encode` raise ValueError, naming the field, where a
value holds CR, LF, NUL, another control character or a line separator that some parser ends a line at; values
of clients go through `neutral` first, which makes each of them a space. Encoded words are RFC 2047.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field

HEADER_LIMIT = 256 * 1024  # octets of header block that are looked at; what follows is not parsed
LINE = 78  # RFC 5322 §2.1.1: should; 998 is must
LONGEST = 998
_WORD = 60  # an encoded word may have 75; 60 fits behind every field name that we write

# Everything str.splitlines would split at, all other controls but tab, and halves of surrogate pairs.
FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]{1,76}")
_TOKEN = re.compile(r" *[^ ]+")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:(.*(?:\n[ \t].*)*)", re.MULTILINE)
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_Q = tuple("_" if octet == 32 else chr(octet) if octet in _SAFE else f"={octet:02X}" for octet in range(256))


def neutral(value: str) -> str:
    """`value` with a space for everything that could end a line or a string."""
    return value if value.isprintable() else FORBIDDEN.sub(" ", value)


def refuse(name: str, value: str) -> str:
    """`value` itself; ValueError naming `name` and the place where it has a forbidden character."""
    if not value.isprintable() and (bad := FORBIDDEN.search(value)):
        raise ValueError(
            f"{name}: character U+{ord(bad[0]):04X} at {bad.start() + 1} may not be in a header; take it out"
        )
    return value


def needs_encoding(text: str) -> bool:
    """True where `text` may not stand in a header as it is: not ASCII, looks encoded, or cannot be folded."""
    return not text.isascii() or "=?" in text or (len(text) > _WORD and max(map(len, text.split(" "))) > _WORD)


def encoded_words(text: str) -> str:
    """RFC 2047 words of at most 60 characters, a space between them; no character is cut in two."""
    octets = text.encode()
    # Q where it is one short word: people read sources too.
    if len(octets) <= _WORD and len(quoted := "".join([_Q[octet] for octet in octets])) <= min(
        48, len(octets) * 3 // 2
    ):
        return f"=?utf-8?q?{quoted}?="
    return " ".join([f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in _pieces(octets)])


def _pieces(octets: bytes, longest: int = 36) -> list[bytes]:
    """`octets` (UTF-8) cut between characters into pieces of at most `longest`."""
    found = []
    start = 0
    while start < len(octets):
        end = min(start + longest, len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        found.append(octets[start:end])
        start = end
    return found


def encode(name: str, text: str) -> bytes:
    """The line or lines of an unstructured field (Subject), CRLF at the end, encoded where it must be."""
    refuse(name, text)
    text = text.strip(" ")
    return fold(name, encoded_words(text) if needs_encoding(text) else text)


def fold(name: str, value: str) -> bytes:
    """The line or lines `name: value` with CRLF, folded at spaces to 78 octets where there are spaces.

    ValueError where a word alone passes 998 octets. Not-ASCII stays as UTF-8 (RFC 6532: internationalised addresses).
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no header field name (RFC 5322 §2.2)")
    refuse(name, value)
    line = f"{name}: {value}".rstrip(" ").encode()
    return line + b"\r\n" if len(line) <= LINE else _folded(name, value)


def _folded(name: str, value: str) -> bytes:
    lines = [f"{name}:".encode()]
    for number, token in enumerate(_TOKEN.findall(" " + value.strip(" "))):
        octets = token.encode()
        # The first word stays beside the name: a first line of nothing but the name is refused by some hosts.
        if number and len(lines[-1]) + len(octets) > LINE:
            lines.append(octets)
        else:
            lines[-1] += octets
        if len(lines[-1]) > LONGEST:
            raise ValueError(f"{name}: a word of {len(octets)} octets is too long for a header line; shorten it")
    return b"\r\n".join(lines) + b"\r\n"


def split(raw: bytes) -> int:
    """Where the body of `raw` begins: after the first blank line, with CRLF or LF; len(raw) where there is none."""
    if raw.startswith((b"\r\n", b"\n")):
        return raw.index(b"\n") + 1
    found = _BLANK_LINE.search(raw)
    return found.end() if found else len(raw)


@dataclass(frozen=True, slots=True)
class Headers:
    """The fields of a header block as octets; names are looked up without regard to case, broken lines are skipped."""

    fields: dict[bytes, list[bytes]] = field(repr=False)

    @classmethod
    def of(cls, raw: bytes) -> Headers:
        """The fields of a message or of a header block; at most HEADER_LIMIT octets of it are looked at."""
        return cls.between(raw, 0, split(raw[:HEADER_LIMIT]))

    @classmethod
    def between(cls, raw: bytes, start: int, end: int) -> Headers:
        """The fields in raw[start:end]."""
        fields: dict[bytes, list[bytes]] = {}
        block = raw[start : min(end, start + HEADER_LIMIT)]
        for found in _FIELD.finditer(block):
            fields.setdefault(found[1].lower(), []).append(found[2])
        return cls(fields)

    def octets(self, name: str) -> list[bytes]:
        """All values of `name` in their order, unfolded, without white space around."""
        values = self.fields.get(name.lower().encode(), ())
        return [value.replace(b"\r", b"").replace(b"\n", b"").strip() for value in values]

    def all(self, name: str) -> list[str]:
        """All values of `name`; UTF-8, or Latin-1 where they are not. Encoded words stay as they are."""
        return [_text(value) for value in self.octets(name)]

    def first(self, name: str) -> str | None:
        values = self.octets(name)
        return _text(values[0]) if values else None


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
