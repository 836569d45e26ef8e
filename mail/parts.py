"""A bounded look into the bytes of a mail from anywhere: its header, its leaf parts, their text.

Pure. Read by mail/dsn, feedback, rawbounce and automatic; never raises anything but UnparsableError.
RFC 5322 §2, RFC 2045-2047. Python's `email` with its default policy needs seconds for a hostile header and its
generators nest with the parts; this walk is linear for every level and stops at fixed limits. It is lenient where
old mail software is sloppy (bare LF, an mbox "From " line, a missing closing boundary) and never descends into a
message/* part: a returned mail may hold a DSN of its own (facts: "Do not descend").
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from functools import cache, cached_property
from html import unescape
from quopri import decodestring
from typing import Final

from mail.charsets import in_charset, lenient

HEADER_LIMIT: Final = 256 * 1024
FIELDS_LIMIT: Final = 5_000
DEPTH_LIMIT: Final = 100
PARTS_LIMIT: Final = 1_000
WALK_LIMIT: Final = 4 * 1024 * 1024  # what a report says stands at its head; a longer tail is an attachment
TEXT_LIMIT: Final = 256 * 1024
VALUE_LIMIT: Final = 4_000  # of one header value that is decoded or searched for parameters

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_LEAD = re.compile(rb"[\r\n]*(?:>?From [^\n]*\n|(?=[!-9;-~]{1,200}:))")
_FIELD = re.compile(r"([!-9;-~]{1,200})[ \t]*:[ \t]*(.*)")
_BLOCK_TAG = re.compile(
    r"<(?:br|/?p|/?div|/?tr|/?h\d|/?li|/?ul|/?table|hr|/?pre|/?title)\b[^<>]{0,500}>", re.IGNORECASE
)
# Cut in one pass: whatever follows an element that is never closed is not seen either.
_UNSEEN = re.compile(r"<(style|script)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# An address in angle brackets is no tag.
_TAG = re.compile(r"<[!/?]?[A-Za-z-][^<>@]{0,2000}>|<a\s[^<>]{0,2000}>|</a>", re.IGNORECASE)
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,40}\?[bBqQ]\?")


class UnparsableError(ValueError):
    """These bytes are beyond the limits above; the text says which."""


@dataclass(frozen=True, slots=True)
class Headers:
    """Unfolded fields in their order, names in lower case, values as they stand (RFC 2047 words undecoded)."""

    fields: tuple[tuple[str, str], ...]
    _first: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", dict(reversed(self.fields)))

    def get(self, name: str) -> str:
        """The first value of that (lower-case) name, or ""."""
        return self._first.get(name, "")

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.fields if each == name]

    def __contains__(self, name: str) -> bool:
        return name in self._first

    def words(self, name: str) -> str:
        """The first value with its RFC 2047 words decoded, at most VALUE_LIMIT characters of it."""
        return decoded_words(self.get(name))


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf. `content` is as transferred; a message/* part is a leaf too, its content the inner message."""

    headers: Headers
    content_type: str
    content: bytes
    depth: int

    def decoded(self, limit: int = TEXT_LIMIT) -> bytes:
        """The content without its transfer encoding, at most `limit` octets."""
        raw = self.content[: limit * 2]
        return transferred(raw, self.headers.get("content-transfer-encoding"))[:limit]

    def text(self, limit: int = TEXT_LIMIT) -> str:
        """Readable text with LF line ends; octets that its charset has not become U+FFFD."""
        charset = parameter(self.headers.get("content-type"), "charset")
        return in_charset(self.decoded(limit), charset).replace("\r\n", "\n")


@dataclass(frozen=True)  # without slots, so that its text is made once
class Parsed:
    """`leaves` in their order; `types` are the content types of all parts, multiparts too, the root's first."""

    headers: Headers
    leaves: tuple[Part, ...]
    types: tuple[str, ...]

    def of_type(self, *content_types: str) -> list[Part]:
        return [leaf for leaf in self.leaves if leaf.content_type in content_types]

    def plain(self) -> str:
        """The text of the plain (else of the HTML) parts, joined, at most TEXT_LIMIT characters.

        A multipart without a single delimiter line is a leaf, and its text is all there is.
        """
        return self._plain

    @cached_property
    def _plain(self) -> str:
        if texts := [leaf.text() for leaf in self.of_type("text/plain")[:20]]:
            return "\n\n".join(texts)[:TEXT_LIMIT]
        pages = [without_tags(leaf.text()) for leaf in self.of_type("text/html")[:20]]
        broken = [leaf.text() for leaf in self.leaves[:1] if leaf.content_type.startswith("multipart/")]
        return "\n\n".join(pages or broken)[:TEXT_LIMIT]


def parse(raw: bytes) -> Parsed:
    """The header and the leaves; UnparsableError where a limit is passed."""
    raw = raw[:WALK_LIMIT]
    head, body = split_head(raw[_lead(raw) :])
    headers = header_fields(head)
    leaves: list[Part] = []
    types: list[str] = []
    for part, is_leaf in _walk(headers, body, 0, "text/plain"):
        types.append(part.content_type)
        if is_leaf:
            leaves.append(part)
        if len(types) > PARTS_LIMIT:
            raise UnparsableError(f"more than {PARTS_LIMIT} parts")
    return Parsed(headers, tuple(leaves), tuple(types))


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """(header block, body) of a message or part; the block is empty where it begins with an empty line."""
    if raw.startswith((b"\n", b"\r\n")):
        return b"", raw[raw.index(b"\n") + 1 :]
    found = _HEADER_END.search(raw)
    if found is None:
        return raw, b""
    return raw[: found.start()], raw[found.end() :]


def header_fields(block: bytes) -> Headers:
    """The fields of a header block; lines that are none are passed over. UnparsableError beyond the limits."""
    if len(block) > HEADER_LIMIT:
        raise UnparsableError(f"header block of {len(block)} octets, limit {HEADER_LIMIT}")
    fields: list[tuple[str, list[str]]] = []
    for line in lenient(block).replace("\r\n", "\n").split("\n"):
        if line[:1] in (" ", "\t") and fields:
            fields[-1][1].append(line.strip())
        elif found := _FIELD.match(line):
            fields.append((found.group(1).lower(), [found.group(2).rstrip()]))
        if len(fields) > FIELDS_LIMIT:
            raise UnparsableError(f"more than {FIELDS_LIMIT} header fields")
    return Headers(tuple((name, " ".join(values).strip()) for name, values in fields))


def parameter(value: str, name: str) -> str:
    """A parameter of a structured field such as Content-Type (RFC 2045 §5.1), unquoted, or ""."""
    found = _parameter_form(name).search(value[:VALUE_LIMIT])
    if found is None:
        return ""
    quoted, bare = found.groups()
    return re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare


@cache
def _parameter_form(name: str) -> re.Pattern[str]:
    """Our own few names only, never one of the mail's."""
    return re.compile(rf';\s*{re.escape(name)}\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.IGNORECASE)


def media_type(value: str, default: str = "text/plain") -> str:
    """`type/subtype` in lower case; `default` where the field is absent or no such thing."""
    word = re.split(r"[;\s]", value[:200].strip(), maxsplit=1)[0].lower()
    return word if "/" in word else default


def decoded_words(value: str) -> str:
    """RFC 2047 words decoded, unknown charsets with U+FFFD; at most VALUE_LIMIT characters."""
    value = value[:VALUE_LIMIT]
    if not _ENCODED_WORD.search(value):
        return value
    try:
        pieces = decode_header(value)
    except (ValueError, HeaderParseError):  # base64 that is none
        return value
    return "".join(
        piece if isinstance(piece, str) else in_charset(piece, charset or "ascii") for piece, charset in pieces
    )


def without_tags(page: str) -> str:
    """The words of an HTML page, a line for each block, without its styles and scripts."""
    page = _UNSEEN.sub(" ", page)
    broken = _BLOCK_TAG.sub("\n", page.replace("\n", " ")) if _BLOCK_TAG.search(page) else page
    return unescape(_TAG.sub("", broken)).replace("\u00a0", " ")


def transferred(raw: bytes, encoding: str) -> bytes:
    """Without that Content-Transfer-Encoding; as it is where we know none such."""
    match encoding.strip().lower():
        case "base64":
            return base64_octets(raw)
        case "quoted-printable":
            return decodestring(raw)
    return raw


def base64_octets(raw: bytes) -> bytes:
    """Decoded leniently: what is no letter of base64 is passed over; `raw` itself where nothing helps."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    letters = letters[: len(letters) // 4 * 4 + (len(letters) % 4 if len(letters) % 4 > 1 else 0)]
    try:
        return b64decode(letters + b"=" * (-len(letters) % 4))
    except BadBase64:
        return raw


def _lead(raw: bytes) -> int:
    """How much stands before the header: empty lines, and the "From " line of an mbox file."""
    found = _LEAD.match(raw)
    return found.end() if found else 0


def _walk(headers: Headers, body: bytes, depth: int, default: str) -> Iterator[tuple[Part, bool]]:
    """Each part and whether it is a leaf, depth first; the recursion is bounded by DEPTH_LIMIT."""
    if depth > DEPTH_LIMIT:
        raise UnparsableError(f"parts nested deeper than {DEPTH_LIMIT}")
    declared = headers.get("content-type")
    kind = media_type(declared, default)
    boundary = parameter(declared, "boundary").rstrip()
    contents = _split_multipart(body, boundary) if kind.startswith("multipart/") and boundary else None
    yield Part(headers, kind, body, depth), contents is None
    inner_default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    for content in contents or ():
        head, inner = split_head(content)
        yield from _walk(header_fields(head), inner, depth + 1, inner_default)


def _split_multipart(body: bytes, boundary: str) -> list[bytes] | None:
    """The contents between the delimiter lines (RFC 2046 §5.1.1), or None where there is no such line."""
    contents: list[bytes] = []
    start: int | None = None
    for line_start, line_end, closing in _delimiters(body, b"--" + boundary[:200].encode("utf-8")):
        if start is not None:
            contents.append(_without_line_end(body[start:line_start]))
        if closing:
            return contents
        start = line_end
        if len(contents) > PARTS_LIMIT:
            raise UnparsableError(f"more than {PARTS_LIMIT} parts")
    if start is None:
        return None
    return [*contents, body[start:]]


def _delimiters(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """(start, end, closing) of each line that is the mark, or the mark and "--", and white space."""
    at = 0 if body.startswith(mark) else body.find(b"\n" + mark) + 1 or -1
    while at >= 0:
        end = body.find(b"\n", at) + 1 or len(body)
        rest = body[at + len(mark) : end].strip()
        if rest in (b"", b"--"):
            yield at, end, rest == b"--"
        at = body.find(b"\n" + mark, end - 1) + 1 or -1


def _without_line_end(content: bytes) -> bytes:
    """The line end before a delimiter belongs to it."""
    return content.removesuffix(b"\n").removesuffix(b"\r")
