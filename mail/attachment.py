"""An attachment or inline image as a MIME entity, encoded once (RFC 2045 §6.8, RFC 2183, RFC 2231).

Pure. Called by mail/message. ValueError where name, type or content id cannot be written.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from dataclasses import dataclass
from urllib.parse import quote

from mail.header import fold, refuse

_PART = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_TYPE = re.compile(_PART + "/" + _PART + r'(?: *; *[A-Za-z0-9_-]+=(?:[A-Za-z0-9_.-]+|"[ !#-\[\]-~]*"))*')
_CONTENT_ID = re.compile(r"[!#-;=?-~]{1,250}")
_NAME_LIMIT = 255  # octets; longer names are cut by every file system anyway


@dataclass(frozen=True, slots=True)
class Attachment:
    """`content_id` (without brackets) makes it an inline image, shown where the HTML says `cid:` and that id."""

    filename: str | None
    content_type: str
    content: bytes
    content_id: str | None = None


def carried(attachment: Attachment) -> bytes:
    """Header and base64 body as they stand between two delimiters, without the last CRLF."""
    name = attachment.filename or ""
    kind = attachment.content_type
    if not _TYPE.fullmatch(kind):
        raise ValueError(f"attachment {name[:80]!r}: {kind[:80]!r} is no content type (RFC 2045 §5.1)")
    # RFC 2046 §5.2: message/* and multipart/* must not be in base64; as a file they are opened all the same.
    if kind.lower().startswith(("message/", "multipart/")):
        kind = "application/octet-stream"
    header = fold("Content-Type", kind) + b"Content-Transfer-Encoding: base64\r\n"
    header += fold("Content-Disposition", ("inline" if attachment.content_id else "attachment") + _filename(name))
    if attachment.content_id is not None:
        header += _content_id(attachment.content_id)
    return header + b"\r\n" + encodebytes(attachment.content).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


def _content_id(content_id: str) -> bytes:
    if not _CONTENT_ID.fullmatch(content_id):
        raise ValueError(f"attachment: {content_id[:80]!r} is no content id; use letters, digits, dots and an @")
    return fold("Content-ID", f"<{content_id}>")


def _filename(name: str) -> str:
    refuse("attachment file name", name)
    if len(name.encode()) > _NAME_LIMIT:
        raise ValueError(f"attachment {name[:80]!r}: the file name is longer than {_NAME_LIMIT} octets")
    if not name:
        return ""
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'; filename="{escaped}"'
    return f"; filename*=utf-8''{quote(name, safe='')}"
