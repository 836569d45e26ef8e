"""What FETCH asks for (RFC 3501 §6.4.5, §9 fetch-att; RFC 3516, 7162, 8474, 8514, 8970). Pure; MalformedError."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from imap import wire_text
from imap.answer import MalformedError
from imap.wire_cursor import Cursor


class Item(Enum):
    """What a row answers; the values are the names on the wire."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    MODSEQ = b"MODSEQ"
    INTERNALDATE = b"INTERNALDATE"
    SAVEDATE = b"SAVEDATE"
    SIZE = b"RFC822.SIZE"
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"
    PREVIEW = b"PREVIEW"
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    BODYSTRUCTURE = b"BODYSTRUCTURE"


@dataclass(frozen=True, slots=True)
class Section:
    """`part`: numbers, none for the whole mail. `text`: one of TEXTS, or nothing for all of the part's octets."""

    part: tuple[int, ...]
    text: bytes
    fields: tuple[bytes, ...] = ()


class Form(Enum):
    """In which shape octets are answered."""

    AS_RECEIVED = "as received"
    DECODED = "decoded"  # BINARY
    DECODED_SIZE = "decoded size"  # BINARY.SIZE


@dataclass(frozen=True, slots=True)
class Octets:
    """BODY[...], its older names, BINARY[...]. `label` is what the answer is called; `first` and `length` cut it."""

    section: Section
    sees: bool  # sets \\Seen
    label: bytes
    first: int | None = None
    length: int = 0
    form: Form = Form.AS_RECEIVED


Wanted = Item | Octets
TEXTS: Final = (b"HEADER.FIELDS.NOT", b"HEADER.FIELDS", b"HEADER", b"TEXT", b"MIME")
PARTS_LIMIT: Final = 100  # numbers in one section
_WHOLE: Final = Section((), b"")
_NAMED: Final[dict[bytes, tuple[Wanted, ...]]] = {
    **{item.value: (item,) for item in Item},
    b"RFC822": (Octets(_WHOLE, True, b"RFC822"),),
    b"RFC822.HEADER": (Octets(Section((), b"HEADER"), False, b"RFC822.HEADER"),),
    b"RFC822.TEXT": (Octets(Section((), b"TEXT"), True, b"RFC822.TEXT"),),
}
_FAST: Final = (Item.FLAGS, Item.INTERNALDATE, Item.SIZE)
_MACROS: Final[dict[bytes, tuple[Wanted, ...]]] = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Item.ENVELOPE),
    b"FULL": (*_FAST, Item.ENVELOPE, Item.BODY),
}
# What a bracket may follow: whether it sets \Seen, and the form.
_BRACKETED: Final[dict[bytes, tuple[bool, Form]]] = {
    b"BODY": (True, Form.AS_RECEIVED),
    b"BODY.PEEK": (False, Form.AS_RECEIVED),
    b"BINARY": (True, Form.DECODED),
    b"BINARY.PEEK": (False, Form.DECODED),
    b"BINARY.SIZE": (False, Form.DECODED_SIZE),
}
_PART: Final = re.compile(rb"[1-9][0-9]{0,5}")
_PARTIAL: Final = re.compile(rb"<([0-9]{1,10})\.([1-9][0-9]{0,9})>")


def fetch_attributes(cursor: Cursor) -> tuple[Wanted, ...]:
    """One attribute, a macro, or a list of attributes; each once."""
    if cursor.peek() == b"(":
        listed = cursor.listed(lambda: _attribute(cursor, _NAMED))
        if not listed:
            raise MalformedError("FETCH wants at least one item")
        return tuple(dict.fromkeys(wanted for group in listed for wanted in group))
    return _attribute(cursor, _NAMED | _MACROS)


def _attribute(cursor: Cursor, known: dict[bytes, tuple[Wanted, ...]]) -> tuple[Wanted, ...]:
    name = cursor.keyword()
    if name in _BRACKETED and cursor.taken(b"["):
        return (_octets(cursor, name),)
    if name not in known:
        raise MalformedError(f"FETCH knows no {name[:40].decode()}")
    if known[name] == (Item.PREVIEW,):  # every preview is there already, so it makes no difference (RFC 8970 §3.2)
        cursor.word_taken(b" (LAZY)")
    return known[name]


def _octets(cursor: Cursor, name: bytes) -> Octets:
    sees, form = _BRACKETED[name]
    section = _section(cursor)
    if form is not Form.AS_RECEIVED and section.text:
        raise MalformedError(f"{name.decode()} takes numbers alone")
    label = name.removesuffix(b".PEEK") + b"[" + _shown(section) + b"]"
    if cursor.peek() != b"<" or form is Form.DECODED_SIZE:
        return Octets(section, sees, label, form=form)
    found = cursor.match(_PARTIAL, "<first.length>")
    first, length = int(found[1]), int(found[2])
    return Octets(section, sees, b"%b<%d>" % (label, first), first, length, form)


def _section(cursor: Cursor) -> Section:
    part: list[int] = []
    while cursor.peek().isdigit():
        part.append(int(cursor.match(_PART, "a part number")[0]))
        if len(part) > PARTS_LIMIT:
            raise MalformedError(f"more than {PARTS_LIMIT} numbers in a section")
        if not cursor.taken(b"."):
            cursor.expect(b"]")
            return Section(tuple(part), b"")
    if not part and cursor.taken(b"]"):
        return _WHOLE
    text = cursor.keyword()
    if text not in TEXTS or (text == b"MIME" and not part):
        raise MalformedError(f"no such section: {text[:40].decode()}")
    fields: list[bytes] = []
    if text.startswith(b"HEADER.FIELDS"):
        cursor.space()
        fields = cursor.listed(cursor.astring)
        if not fields:
            raise MalformedError("HEADER.FIELDS wants at least one name")
    cursor.expect(b"]")
    return Section(tuple(part), text, tuple(fields))


def _shown(section: Section) -> bytes:
    """As the answer names it: what was asked, in our spelling."""
    words = b".".join([*(b"%d" % number for number in section.part), *([section.text] if section.text else [])])
    if not section.fields:
        return words
    return words + b" (" + b" ".join(wire_text.astring(name) for name in section.fields) + b")"
