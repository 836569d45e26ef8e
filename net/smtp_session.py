"""The beginning of an SMTP session: connect, greeting, EHLO, and STARTTLS where it is offered.

asyncio. What the host's certificate is worth is recorded, and matters where a Demand of net/tls_policy.py says so: else
TLS is opportunistic (RFC 7435). Raises ConnectError for whatever keeps a session from coming about.
"""

from __future__ import annotations

import _ssl
import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from net.smtp_client import extensions
from net.smtp_peer import ConnectError, Peer, Timeouts
from net.smtp_talk import Talk, count
from net.smtp_wire import Break, Lost, Wire
from net.tls_policy import Demand
from policy.tls_trust import Fault, FaultKind


@dataclass(slots=True)
class Session:
    """`tls` is its protocol and how sure the host's name is, None in clear; `fault` what a policy would mind.

    `sure`: the host is the domain's own and nobody else reads along, as REQUIRETLS asks.
    """

    talk: Talk
    offered: Mapping[str, str] = field(default_factory=dict)
    tls: str | None = None
    fault: Fault | None = None
    sure: bool = False


async def begin(peer: Peer, timeouts: Timeouts, tls: ssl.SSLContext | None, demand: Demand) -> Session:
    """A session ready for its first transaction; `tls` and `demand` as Connection.connect has them."""
    session = Session(await _connected(peer, timeouts))
    try:
        await _greet(session, tls, demand)
    except Lost as error:
        session.talk.abort()
        count(error.fault)
        raise ConnectError(f"{peer}: {error}") from error
    except BaseException:
        session.talk.abort()
        raise
    return session


async def _connected(peer: Peer, timeouts: Timeouts) -> Talk:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeouts.connect.total_seconds()):
            transport, wire = await loop.create_connection(Wire, peer.address, peer.port, local_addr=(peer.source, 0))
    except TimeoutError as error:
        count(Break.UNREACHABLE)
        raise ConnectError(f"connect to {peer}: timed out") from error
    except OSError as error:
        count(Break.UNREACHABLE)
        raise ConnectError(f"connect to {peer}: {error.strerror or error}") from error
    return Talk(peer, wire, transport, timeouts)


async def _greet(session: Session, tls: ssl.SSLContext | None, demand: Demand) -> None:
    talk = session.talk
    greeting = await talk.wire.reply(talk.timeouts.greeting)
    if greeting.code != 220:
        raise ConnectError(f"{talk.peer} greets with {greeting}", greeting)
    await _hello(session)
    if tls is not None and "STARTTLS" in session.offered and await _encrypt(session, tls, demand):
        return
    session.fault = Fault(FaultKind.NO_STARTTLS, f"{talk.peer} offers no STARTTLS")
    if demand.required:
        raise ConnectError(f"{session.fault}, which {demand.by} asks for", demanded=session.fault.kind)


async def _hello(session: Session) -> None:
    talk = session.talk
    reply = await talk.ask(f"EHLO {talk.peer.ehlo}\r\n".encode())
    if reply.permanent:  # RFC 5321 §3.2: a host that knows no EHLO is offered HELO
        reply = await talk.ask(f"HELO {talk.peer.ehlo}\r\n".encode())
        session.offered = {}
    else:
        session.offered = extensions(reply)
    if reply.code != 250:
        raise ConnectError(f"{talk.peer} answers our name with {reply}", reply)


async def _encrypt(session: Session, tls: ssl.SSLContext, demand: Demand) -> bool:
    """False where the host does not go through with it: offered and not meant."""
    talk = session.talk
    reply = await talk.ask(b"STARTTLS\r\n")
    if reply.code != 220:
        return False
    if not talk.wire.reader.idle or talk.wire.replies:
        # Answers sent in clear behind the 220 would be read as the encrypted host's own.
        raise ConnectError(f"{talk.peer} answered before TLS what we asked after it", tls=True)
    talk.transport = await _wrapped(talk, tls)
    shown = talk.transport.get_extra_info("ssl_object")
    session.fault = demand.check(presented(shown))
    if session.fault is not None and demand.required:
        words = f"TLS with {talk.peer}: {session.fault}, against {demand.by}"
        raise ConnectError(words, demanded=session.fault.kind)
    session.sure = demand.sure and session.fault is None
    session.tls = f"{shown.version()} {_standing(demand, session.fault)}"
    await _hello(session)  # what was offered in clear counts no longer (RFC 3207 §4.2)
    return True


async def _wrapped(talk: Talk, tls: ssl.SSLContext) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    try:
        wrapped = await loop.start_tls(
            talk.transport, talk.wire, tls, server_hostname=talk.peer.host,
            ssl_handshake_timeout=talk.timeouts.command.total_seconds(),
        )  # fmt: skip
    except (OSError, ssl.SSLError, TimeoutError) as error:
        raise ConnectError(f"TLS with {talk.peer}: {error}", tls=True) from error
    if wrapped is None:
        raise ConnectError(f"TLS with {talk.peer}: the connection closed", tls=True)
    return wrapped


def presented(session: Any) -> list[bytes]:
    """The certificates that the peer of a TLS session sent, DER, its own first."""
    # Public from Python 3.13 on; before, only on the object behind SSLObject.
    chain = getattr(session, "get_unverified_chain", None) or session._sslobj.get_unverified_chain
    return [one if isinstance(one, bytes) else one.public_bytes(_ssl.ENCODING_DER) for one in chain() or ()]


def _standing(demand: Demand, fault: Fault | None) -> str:
    """For the attempt log: by what the host's name is sure, or why it is not."""
    if fault is not None:
        return f"unverified: {fault}"
    return f"by {demand.by}" if demand.by else "verified"
