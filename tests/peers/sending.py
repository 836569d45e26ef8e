"""The sender role in the loop of a test: the real one, on the stores of the test and a zone of its own."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from mta.outbound.daemon import Sender
from peers.rows import VAULT
from role.context import Context
from role.log import EventLog
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores

QUICK = {"first": 1, "longest": 2, "lifetime": 600}


def settings_of(names: str, port: int, sources: list[dict[str, Any]], **more: Any) -> Settings:
    """Small retry pauses; `more` are further sections, `outbound` among them."""
    outbound = {
        "port": port, "sources": sources, "retry": dict.fromkeys(("campaign", "transactional", "submission"), QUICK),
        "idle": 1, **more.pop("outbound", {}),
    }  # fmt: skip
    dns = {"servers": [names], **more.pop("dns", {})}
    return msgspec.convert({"dns": dns, "outbound": outbound, **more}, Settings, strict=False)


@asynccontextmanager
async def sending(folder: Path, stores: Stores, settings: Settings) -> AsyncIterator[Sender]:
    metrics = socket.create_server(("127.0.0.1", 0))
    up = asyncio.Event()
    context = Context(
        name="sender", position=0, of=1, node="test", settings=settings, stores=stores,
        spool=Spool(folder), vault=VAULT, log=EventLog("sender"), certificate=folder, private_key=folder,
        sockets={"metrics": metrics}, public_url="https://ours.test", ready=up.set,
    )  # fmt: skip
    sender = Sender(context)
    serving = asyncio.create_task(sender.serve())
    await asyncio.wait([serving, asyncio.create_task(up.wait())], return_when=asyncio.FIRST_COMPLETED)
    try:
        if serving.done():
            await serving
        yield sender
    finally:
        sender._stopping.set()
        await serving


async def until(true: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(true):
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:.0f} s still not: {what}")
        await asyncio.sleep(0.05)
