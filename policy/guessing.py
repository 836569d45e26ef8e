"""How many wrong sign-ins one side may make before it has to wait, and whose right ones are never in the way.

Pure; called by admin/acts/signing.py with monotonic seconds. What is counted is a network, and a login in a network:
somebody who guesses a person's password from elsewhere never locks that person out (SECURITY row 20), and a browser
in which the person has signed in before is counted by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final


@dataclass(frozen=True, slots=True)
class Bucket:
    """`level` wrong ones at the time `at`, which run out evenly."""

    level: float = 0.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """`most` wrong ones at once, then one more each `seconds`."""

    most: int
    seconds: float


OF_NETWORK: Final = Allowance(60, 10.0)
OF_LOGIN: Final = Allowance(8, 60.0)


def wait(bucket: Bucket, allowance: Allowance, now: float) -> float:
    """Seconds until the next try is heard; 0.0: now."""
    return max(0.0, (_level(bucket, allowance, now) + 1 - allowance.most) * allowance.seconds)


def wrong(bucket: Bucket, allowance: Allowance, now: float) -> Bucket:
    return Bucket(_level(bucket, allowance, now) + 1, now)


def _level(bucket: Bucket, allowance: Allowance, now: float) -> float:
    return max(0.0, bucket.level - (now - bucket.at) / allowance.seconds)


def counted(address: str, login: str, known_browser: bool) -> Iterable[tuple[str, Allowance]]:
    """What a sign-in is counted under; a known browser shares its network's allowance with nobody."""
    if known_browser:
        return ((f"known {login}", OF_LOGIN),)
    network = network_of(address)
    return ((network, OF_NETWORK), (f"{network} {login}", OF_LOGIN))


def network_of(address: str) -> str:
    """Its /24 or /64: what one guesser commonly has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "nowhere"
    return str(ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))
