"""Why nothing is sent to a client now.

Pure. Asked when ledger rows are made and again when one is promoted, since both may change in between. Consent comes
before the rating: a reply revives a rating and gives no consent back (PRODUCT R1, R4).
"""

from __future__ import annotations

from policy.rating import blocked


def why_suppressed(rating: int, withdrawn: bool) -> str | None:
    """The words for the row that is suppressed, or None where mail may go."""
    if withdrawn:
        return "unsubscribed or complained"
    return "blocked: rating 1" if blocked(rating) else None
