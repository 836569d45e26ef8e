"""What the submission ports answer, code and text exactly as the panel lists them (PRODUCT S3, S4).

Pure. Each for its cause and no other. The enhanced codes are ours where S4 shows them in brackets (RFC 3463).
"""

from __future__ import annotations

from typing import Final

SIGNED_IN: Final = "235 2.7.0 Authentication successful"
WRONG_LOGIN: Final = "535 5.7.8 Incorrect login or password"
TOO_MANY_LOGINS: Final = "454 4.7.0 Too many login attempts"
UNAVAILABLE: Final = "421 4.4.5 Server is temporarily unavailable"
NOT_VERIFIED: Final = "421 4.7.1 Domain not verify"
DOMAIN_UNKNOWN: Final = "553 5.1.8 Domain not found"
WITHDRAWN: Final = "550 5.7.1 Email receiver unsubscribe or complaint"
OVER_QUOTA: Final = "553 5.2.2 Recipient has exceeded mailbox limit"
WITHOUT_FROM: Final = '550 5.6.0 Message rejected: Missing required "From" header'
NEEDS_TLS: Final = "530 5.7.0 Must issue a STARTTLS command first"
NEEDS_LOGIN: Final = "530 5.7.0 Authentication required"


def not_the_sender(sender: str) -> str:
    """The From of envelope or header is not the connection's own (S3)."""
    return f"553 5.7.1 From must be {sender}, the sender of this connection"


def blocked(address: str, reason: str) -> str:
    """The addressee is known here as non-existent or suspicious (R2)."""
    return f"550 5.1.1 {address} is blocked: {reason}"
