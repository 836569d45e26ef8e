"""HTTPS to names that strangers chose: only to public addresses, only to the one that was checked (SSRF).

I/O. Called for MTA-STS policies and TLS reports. The name is resolved here, every address is judged, and the
connection goes to a judged address with the name in SNI, certificate check and Host, so that a second look-up cannot
answer otherwise (DNS rebinding). No redirect is followed, no proxy of the environment is used, an answer has a limit
of octets and of time. Raises RefusedError; `[tls] allowed_networks` is for tests and for policies on private networks.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import httpx

from net.resolver import Resolver

Network = IPv4Network | IPv6Network
ADDRESSES_TRIED: Final = 3
# A URI of a stranger may be none that can be written (InvalidURL, UnicodeError).
_FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, UnicodeError)
_NAT64: Final = ip_network("64:ff9b::/96")


class RefusedError(Exception):
    """Nothing usable came of the request; the text says why."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of whatever status; `kind` is its media type in lower case, without parameters."""

    status: int
    kind: str
    content: bytes


def is_public(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether a stranger's name may lead us to that address: none of a private, local or special network, however an
    IPv6 address wraps it."""
    address = ip_address(text)
    if any(address in network for network in allowed):
        return True
    inner = _inner(address)
    if inner is not None:
        return is_public(str(inner), allowed)
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to: mapped, 6to4, NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


class HttpGuard:
    """One for each process, made after the fork."""

    def __init__(
        self, resolver: Resolver, trusts: ssl.SSLContext, allowed: Sequence[Network], limit: timedelta
    ) -> None:
        """`limit`: for one request, all of it together."""
        self._resolver = resolver
        self._trusts = trusts
        self._allowed = tuple(allowed)
        self._limit = limit

    async def get(self, host: str, port: int, path: str, octets: int) -> Fetched:
        """At most `octets` of `https://host:port/path`."""
        return await self._ask("GET", host, port, path, octets, None, {})

    async def post(self, host: str, port: int, path: str, content: bytes, kind: str) -> Fetched:
        return await self._ask("POST", host, port, path, 16 * 1024, content, {"Content-Type": kind})

    async def _ask(
        self,
        method: str,
        host: str,
        port: int,
        path: str,
        octets: int,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Fetched:
        where = f"https://{host}:{port}{path}"
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                failure: Exception | None = None
                for address in await self._checked(host):
                    url = f"https://{f'[{address}]' if ':' in address else address}:{port}{path}"
                    sent = {"Host": host if port == 443 else f"{host}:{port}", **headers}
                    try:
                        return await self._at(method, url, host, octets, content, sent)
                    except _FAILURES as error:
                        failure = error
                raise RefusedError(f"{where}: {failure}")
        except TimeoutError as error:
            raise RefusedError(f"{where}: no answer in {self._limit.total_seconds():g} s") from error

    async def _checked(self, host: str) -> list[str]:
        found = await self._resolver.addresses_of(host)
        if not found.addresses:
            raise RefusedError(f"{host} has no address: {found.words or found.standing.value}")
        public = [address for address in found.addresses if is_public(address, self._allowed)]
        if not public:
            raise RefusedError(f"{host} leads to {found.addresses[0]}, which is not a public address")
        return public[:ADDRESSES_TRIED]

    async def _at(
        self, method: str, url: str, host: str, octets: int, content: bytes | None, headers: Mapping[str, str]
    ) -> Fetched:
        async with (
            httpx.AsyncClient(verify=self._trusts, trust_env=False, follow_redirects=False, timeout=None) as client,
            client.stream(method, url, headers=headers, content=content, extensions={"sni_hostname": host}) as answer,
        ):
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > octets:
                    raise RefusedError(f"https://{host}: more than {octets} octets")
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Fetched(answer.status_code, kind, bytes(body))
