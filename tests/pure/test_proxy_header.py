"""The PROXY header in both versions: whole, in pieces, and what is none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.proxy_header import BadHeader, ProxyHeader, read_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_2(command: int, family: int, addresses: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(addresses).to_bytes(2, "big") + addresses


FOUR = ip_address("192.0.2.7").packed + ip_address("192.0.2.1").packed + b"\x10\x00\x00\x19"
SIX = ip_address("2001:db8::7").packed + ip_address("2001:db8::1").packed + b"\x10\x00\x00\x19"
GOOD = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 4096 25\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 4096 25\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    (version_2(0x21, 0x11, FOUR), "192.0.2.7"),
    (version_2(0x21, 0x21, SIX), "2001:db8::7"),
    (version_2(0x21, 0x11, FOUR + b"\x03\x00\x04more"), "192.0.2.7"),
    (version_2(0x20, 0x00, b""), None),
]


@pytest.mark.parametrize(("octets", "address"), GOOD)
def test_a_header_names_the_client_and_ends_where_it_ends(octets: bytes, address: str | None) -> None:
    assert read_header(octets + b"EHLO x\r\n") == ProxyHeader(len(octets), address)
    for end in range(len(octets)):
        assert read_header(octets[:end]) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO client.test\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 4096\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 4096 25\r\n",
        b"PROXY TCP4 nobody 192.0.2.1 4096 25\r\n",
        b"PROXY UDP4 192.0.2.7 192.0.2.1 4096 25\r\n",
        b"PROXY \r\n",
        b"PROXY " + b"x" * 200,
        version_2(0x22, 0x11, FOUR),
        version_2(0x21, 0x12, FOUR),
        version_2(0x21, 0x11, FOUR[:-4]),
        version_2(0x21, 0x31, b"x" * 216),
        version_2(0x21, 0x11, FOUR + b"x" * 600),
    ],
)
def test_what_is_none_is_refused(octets: bytes) -> None:
    with pytest.raises(BadHeader):
        read_header(octets)


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=600))
def test_no_octets_do_anything_else(start: bytes, rest: bytes) -> None:
    try:
        found = read_header(start + rest)
    except BadHeader:
        return
    assert found is None or found.octets <= len(start + rest)
