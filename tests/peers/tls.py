"""TLS for hosts that tests play: a certificate of an authority made on the spot, and a client that asks for none."""

from __future__ import annotations

import ssl

import trustme


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting_nobody() -> ssl.SSLContext:
    """Opportunistic, as the sender's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
