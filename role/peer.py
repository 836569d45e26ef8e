"""The address of a peer as the rest of the program knows it (RFC 4291, 2.5.5.2)."""

from __future__ import annotations

from typing import Final

_MAPPED: Final = "::ffff:"


def peer_address(host: str) -> str:
    """An IPv4 peer of a socket that takes both families comes as ::ffff:192.0.2.1; its name is 192.0.2.1."""
    unmapped = host.removeprefix(_MAPPED)
    return unmapped if "." in unmapped else host
