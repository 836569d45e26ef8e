"""The PROXY header, versions 1 and 2: whom a proxy in front of us speaks for (the protocol's text of 2020).

Pure. mta/smtp_dialogue reads it from peers in `proxy_networks` alone, who must send it; from anybody else it would be a
way to be any address. Raises BadHeader for what is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_V1: Final = b"PROXY "
_V1_LONGEST: Final = 107
_V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED: Final = 16
_V2_LONGEST: Final = 536  # what a sender may fill without a jumbo header
_LOCAL, _PROXY = 0x20, 0x21
_INET, _INET6 = 0x11, 0x21


class BadHeader(Exception):  # noqa: N818 - a peer's mistake, not an error of ours
    """No PROXY header."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """`octets` long; `address` None where the proxy speaks for itself (a health check)."""

    octets: int
    address: str | None


def read_header(octets: bytes | bytearray) -> ProxyHeader | None:
    """The header at the start; None while it is not all there. BadHeader."""
    for start, read in ((_V1, _version_1), (_V2, _version_2)):
        if octets[: len(start)] == start[: len(octets)]:
            return read(bytes(octets)) if len(octets) >= len(start) else None
    raise BadHeader("neither version 1 nor version 2")


def _version_1(octets: bytes) -> ProxyHeader | None:
    end = octets.find(b"\r\n", 0, _V1_LONGEST)
    if end < 0:
        if len(octets) >= _V1_LONGEST:
            raise BadHeader("version 1: no end in 107 octets")
        return None
    words = octets[:end].decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return ProxyHeader(end + 2, None)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadHeader("version 1: not TCP4 or TCP6 with two addresses and two ports")
    try:
        address = ip_address(words[2])
    except ValueError as error:
        raise BadHeader(f"version 1: {error}") from error
    if address.version != int(words[1][-1]):
        raise BadHeader(f"version 1: {words[2]} is no address of {words[1]}")
    return ProxyHeader(end + 2, str(address))


def _version_2(octets: bytes) -> ProxyHeader | None:
    if len(octets) < _V2_FIXED:
        return None
    length = _V2_FIXED + int.from_bytes(octets[14:16], "big")
    if octets[12] not in (_LOCAL, _PROXY) or length > _V2_LONGEST:
        raise BadHeader("version 2: an unknown command, or too long")
    if len(octets) < length:
        return None
    if octets[12] == _LOCAL:
        return ProxyHeader(length, None)
    if octets[13] == _INET and length >= _V2_FIXED + 12:
        return ProxyHeader(length, str(IPv4Address(octets[16:20])))
    if octets[13] == _INET6 and length >= _V2_FIXED + 36:
        return ProxyHeader(length, str(IPv6Address(octets[16:32])))
    raise BadHeader("version 2: no TCP over IPv4 or IPv6")
