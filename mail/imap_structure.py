"""ENVELOPE, BODY and BODYSTRUCTURE as the octets that FETCH sends (RFC 3501 §7.4.2, RFC 9051 §7.5.2).

Pure, never raises. Called by mail/mime_index at filing, so that no FETCH parses. Header values go out raw, each fold as
one space; a value that no quoted string may hold is a literal. Parameters in pieces are put together (RFC 2231 §3, §7).
All envelopes of one message name at most `ADDRESSES` addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from mail.address_list import Entry, read_addresses
from mail.header import Headers
from mail.mime_content import Content, Parameters, disposition, without_comments
from mail.mime_scan import Entity

ADDRESSES = 10_000

_QUOTABLE = re.compile(rb"[ -~]*+")
_LISTS = ("To", "Cc", "Bcc")
_PIECE = re.compile(rb"([^*]++)\*(0|[1-9][0-9]{0,2})(\*?)")


def string(value: bytes) -> bytes:
    """An IMAP string; NUL, which none may hold, is left out."""
    if _QUOTABLE.fullmatch(value):
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    octets = value.replace(b"\0", b"")
    return b"{%d}\r\n%b" % (len(octets), octets)


def _nstring(value: bytes | None) -> bytes:
    return b"NIL" if value is None else string(value)


def _first(headers: Headers, name: str) -> bytes | None:
    values = headers.fields.get(name.lower().encode())
    if not values:
        return None
    lines = (line.strip(b" \t\r") for line in values[0].split(b"\n"))
    return b" ".join(filter(None, lines))


def _parameter_list(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(string(name) + b" " + string(value) for name, value in _whole(parameters))


def _whole(parameters: Parameters) -> Iterator[tuple[bytes, bytes]]:
    """`name*0` and `name*1` as one `name`; as `name*`, still encoded, where one of them is (RFC 2231 §4.1).

    Where a piece is missing they stay as they came.
    """
    pieces: dict[bytes, dict[int, tuple[bool, bytes]]] = {}
    for name, value in parameters:
        if found := _PIECE.fullmatch(name):
            pieces.setdefault(found[1].lower(), {})[int(found[2])] = (bool(found[3]), value)
    told = set()
    for name, value in parameters:
        found = _PIECE.fullmatch(name)
        of_it = pieces[found[1].lower()] if found else {}
        if found is None or sorted(of_it) != list(range(len(of_it))):
            yield name, value
        elif found[1].lower() not in told:
            told.add(found[1].lower())
            yield _put_together(found[1], [of_it[number] for number in sorted(of_it)])


def _put_together(name: bytes, pieces: list[tuple[bool, bytes]]) -> tuple[bytes, bytes]:
    if not any(encoded for encoded, _ in pieces):
        return name, b"".join(value for _, value in pieces)
    return name + b"*", b"".join(value if encoded else quote(value).encode() for encoded, value in pieces)


def _with_charset(content: Content) -> Parameters:
    """A text that names no charset is in US-ASCII (RFC 2045 §5.2): said to clients as Dovecot does."""
    if not content.matches(b"text") or any(name.lower() == b"charset" for name, _ in content.parameters):
        return content.parameters
    return (*content.parameters, (b"charset", b"us-ascii"))


class Writer:
    """Writes the structure of one message; `addresses_left` is what its envelopes may still name."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.addresses_left = ADDRESSES

    def envelope(self, headers: Headers) -> bytes:
        """(date subject from sender reply-to to cc bcc in-reply-to message-id)."""
        author = self._addresses(headers, "From")
        fields = [_nstring(_first(headers, "Date")), _nstring(_first(headers, "Subject")), author]
        for name in ("Sender", "Reply-To"):
            written = self._addresses(headers, name)
            # Missing or empty they are what From is (RFC 3501 §7.4.2).
            fields.append(author if written == b"NIL" else written)
        fields += [self._addresses(headers, name) for name in _LISTS]
        fields += [_nstring(_first(headers, "In-Reply-To")), _nstring(_first(headers, "Message-ID"))]
        return b"(%b)" % b" ".join(fields)

    def _addresses(self, headers: Headers, name: str) -> bytes:
        entries = read_addresses(b", ".join(headers.octets(name)), self.addresses_left)
        self.addresses_left = max(0, self.addresses_left - len(entries))
        return b"(%b)" % b"".join(map(_address, entries)) if entries else b"NIL"

    def structures(self, entity: Entity) -> tuple[bytes, bytes]:
        """BODY and BODYSTRUCTURE."""
        if entity.content.matches(b"multipart"):
            return self._multipart(entity)
        headers = entity.headers
        fields = [
            string(entity.content.kind),
            string(entity.content.subtype),
            _parameter_list(_with_charset(entity.content)),
            _nstring(_first(headers, "Content-ID")),
            _nstring(_first(headers, "Content-Description")),
            string(_bare(headers, "Content-Transfer-Encoding") or b"7BIT"),
            b"%d" % (entity.end - entity.body_start),
        ]
        extension = [_nstring(_first(headers, "Content-MD5")), *_extension(headers)]
        lines = b"%d" % self.raw.count(b"\n", entity.body_start, entity.end)
        if entity.children:
            inner = entity.children[0]
            envelope = self.envelope(inner.headers)
            body, full = self.structures(inner)
            return _pair([*fields, envelope, body, lines], [*fields, envelope, full, lines, *extension])
        if entity.content.matches(b"text"):
            fields.append(lines)
        return _pair(fields, [*fields, *extension])

    def _multipart(self, entity: Entity) -> tuple[bytes, bytes]:
        children = [self.structures(child) for child in entity.children]
        subtype = string(entity.content.subtype)
        extension = [_parameter_list(entity.content.parameters), *_extension(entity.headers)]
        body = [b"".join(short for short, _ in children), subtype]
        return _pair(body, [b"".join(full for _, full in children), subtype, *extension])


def _pair(body: Iterable[bytes], full: Iterable[bytes]) -> tuple[bytes, bytes]:
    return b"(%b)" % b" ".join(body), b"(%b)" % b" ".join(full)


def _extension(headers: Headers) -> list[bytes]:
    """Disposition, language and location, the same for every kind of part."""
    shown = b"NIL"
    if value := _first(headers, "Content-Disposition"):
        word, parameters = disposition(value)
        shown = b"(%b %b)" % (string(word), _parameter_list(parameters))
    return [shown, _languages(_bare(headers, "Content-Language")), _nstring(_first(headers, "Content-Location"))]


def _bare(headers: Headers, name: str) -> bytes:
    return without_comments(_first(headers, name) or b"").strip()


def _languages(value: bytes) -> bytes:
    tags = [tag.strip() for tag in value.split(b",") if tag.strip()]
    return b"(%b)" % b" ".join(map(string, tags)) if tags else b"NIL"


def _address(entry: Entry) -> bytes:
    return b"(%b)" % b" ".join(map(_nstring, (entry.name, entry.route, entry.mailbox, entry.host)))
