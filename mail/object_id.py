"""EMAILID and THREADID of a message (RFC 8474), worked out of its octets, so that no counter has to survive a restore.

Pure, never raises. Called by mail/mime_index at filing. The same octets have the same EMAILID wherever they lie. A
conversation is named by its first message: the first of References, else of In-Reply-To, else the message itself.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256

from mail.header import Headers

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")


def email_id(raw: bytes) -> str:
    return "M" + _digest(raw)


def thread_id(headers: Headers, email: str) -> str:
    """`email`: its EMAILID, which names the conversation of a message that names none."""
    for name in ("References", "In-Reply-To", "Message-ID"):
        found = _MESSAGE_ID.search(headers.first(name) or "")
        if found is not None:
            return "T" + _digest(found[0].encode("utf-8", "surrogateescape"))
    return "T" + email[1:]


def _digest(octets: bytes) -> str:
    """144 bits in the letters that an object id may have."""
    return urlsafe_b64encode(sha256(octets).digest()[:18]).decode()
