"""Threads in which messages wait for name servers: their own, and no more than a part of them for one peer's network.

A small message about which everything is known already waits for nobody and is judged where it is: the way to a
thread and back costs more than half of what the verdicts do.

Called by mta/inbound/session on the loop. Who sends from domains whose servers keep silent holds up himself: what RCPT
looks up runs elsewhere, and other networks find threads free.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mta.inbound.authenticate import Authentication, Authenticator, Peer
from mta.peer_limits import keys

THREADS: Final = 128
EACH: Final = 16  # of them for one network at once


@dataclass(slots=True)
class _Gate:
    """`users` are inside or wait; it goes with the last of them."""

    open: asyncio.Semaphore
    users: int = 0


class Judging:
    def __init__(self, authenticator: Authenticator, threads: int = THREADS, each: int = EACH) -> None:
        self._authenticator = authenticator
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="judging")
        self._each = each
        self._gates: dict[str, _Gate] = {}

    async def authenticate(self, peer: Peer, reverse_path: str, content: bytes) -> Authentication:
        if (found := self._authenticator.at_once(peer, reverse_path, content, datetime.now(UTC))) is not None:
            return found
        _, network = keys(peer.address)
        gate = self._gates.setdefault(network, _Gate(asyncio.Semaphore(self._each)))
        gate.users += 1
        try:
            async with gate.open:
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._authenticator.authenticate, peer, reverse_path, content, datetime.now(UTC)
                )
        finally:
            gate.users -= 1
            if not gate.users:
                self._gates.pop(network, None)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
