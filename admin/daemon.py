"""The admin role: API, unsubscribe links and health over HTTPS on the inherited socket. `run` serves until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
import uvloop
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin.api.app import make_app
from admin.office import Office
from admin.patient_http import PatientHttp
from role.context import Context
from role.metrics_port import Pulse, serve_metrics
from role.renewal import Renewal, renewal_of

_GRACE: Final = 3  # seconds for requests that are being answered
_BEAT: Final = 1.0

REQUESTS = Counter("mailloft_http_requests_total", "HTTP requests answered", ["method", "status"])
SECONDS = Histogram("mailloft_http_request_seconds", "Time from request to the start of its answer")


def run(context: Context) -> None:
    office = office_of(context)
    app = Measured(make_app(office, context.log, context.settings.limits.import_bytes))
    config = uvicorn.Config(
        app,
        ssl_certfile=context.certificate,
        ssl_keyfile=context.private_key,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
        http=PatientHttp,
        limit_concurrency=4000,
    )
    # uvicorn raises the signal again when it has stopped; by then it has nothing more to say.
    signal.signal(signal.SIGTERM, lambda *_: None)
    # uvloop: 34 KiB a TLS session, asyncio's own protocol 287.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(context, config))


def office_of(context: Context) -> Office:
    """The office of a role that may have threads."""
    uploads = Path(context.settings.storage.spool) / "imports"
    uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
    sending = tuple(source.address for source in context.settings.outbound.sources)
    return Office(
        context.stores, context.vault, uploads, context.settings.server.hostname, sending, settings=context.settings,
        folder=context.folder, log=context.log,
    )  # fmt: skip


class Measured:
    """Counts requests by status and times them, around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = asyncio.get_running_loop().time()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                REQUESTS.labels(scope["method"], message["status"]).inc()
                SECONDS.observe(asyncio.get_running_loop().time() - begun)
            await send(message)

        await self._app(scope, receive, watched)


async def _serve(context: Context, config: uvicorn.Config) -> None:
    pulse = Pulse()
    serve_metrics(context.sockets["metrics"], pulse)
    config.load()
    assert config.ssl is not None
    renewal = renewal_of(config.ssl, context.certificate, context.private_key, context.log)
    beating = asyncio.create_task(_beat(pulse, renewal))
    await _Announcing(config, context.ready).serve(sockets=[context.sockets["admin"]])
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating


class _Announcing(uvicorn.Server):
    """Says once that it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


async def _beat(pulse: Pulse, renewal: Renewal) -> None:
    while True:
        pulse.beat()
        renewal.look()
        await asyncio.sleep(_BEAT)
