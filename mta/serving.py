"""How an SMTP role runs: uvloop, its sockets, its metrics port, its clean stop.

Called by the daemons of mta/inbound and mta/submission, each in a process of its own.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import uvloop

from mta.smtp_dialogue import Dialogue
from role.allocator import keep_large_blocks_apart
from role.context import Context
from role.metrics_port import Pulse, serve_metrics
from role.renewal import renewal_of

_PATIENCE: Final = 6.0  # seconds for messages that are being committed; the parent waits for eight
_BEAT: Final = 1.0
_BACKLOG: Final = 1024  # as the socket was opened with


@dataclass(frozen=True, slots=True)
class Port:
    """One listening socket, by its name in Context.sockets; `tls` where it speaks TLS from the first octet."""

    socket: str
    make: Callable[[], Dialogue]
    tls: ssl.SSLContext | None = None


class Ending(Protocol):
    """What has something to bring to an end before the process does, in at most `patience` seconds."""

    async def stop(self, patience: float) -> None: ...


def serve(
    context: Context, tls: ssl.SSLContext, open_ports: Callable[[], Sequence[Port]], endings: Sequence[Ending]
) -> None:
    """Until SIGTERM; `open_ports` is called on the loop, `endings` are stopped in their order.

    `tls` is the context of all ports; it takes a renewed certificate while they serve.
    """
    keep_large_blocks_apart()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(context, tls, open_ports, endings))
    context.stores.close()


async def _serve(
    context: Context, tls: ssl.SSLContext, open_ports: Callable[[], Sequence[Port]], endings: Sequence[Ending]
) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    pulse = Pulse()
    renewal = renewal_of(tls, context.certificate, context.private_key, context.log)
    serve_metrics(context.sockets["metrics"], pulse)
    servers = [
        await loop.create_server(port.make, sock=context.sockets[port.socket], ssl=port.tls, backlog=_BACKLOG)
        for port in open_ports()
    ]
    context.ready()
    context.log.info("ready")
    while not told.is_set():
        pulse.beat()
        renewal.look()
        try:
            await asyncio.wait_for(told.wait(), _BEAT)
        except TimeoutError:
            continue
    for server in servers:
        server.close()
    for ending in endings:
        await ending.stop(_PATIENCE)
    context.log.info("stopped")
