"""Bounces without a delivery-status part."""

from __future__ import annotations

from mail.dsn import Told
from mail.parts import Parsed


def raw_bounce(parsed: Parsed, *, automatic: bool) -> tuple[Told, ...]:
    """()"""
    return ()
