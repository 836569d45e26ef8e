"""Canonical header fields for DKIM (RFC 6376 §3.4.2), relaxed.

Pure. For mail/dkim_sign.py and mail/dkim_verify.py; mail/rendered.py asks for it once for what all clients share.
"""

from __future__ import annotations


def relaxed_header(name: bytes, value: bytes) -> bytes:
    """CRLF at the end."""
    words = value.replace(b"\r\n", b"").replace(b"\t", b" ")
    while b"  " in words:
        words = words.replace(b"  ", b" ")
    return name.lower() + b":" + words.strip(b" ") + b"\r\n"
