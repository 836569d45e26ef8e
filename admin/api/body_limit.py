"""The most octets that a request may bring: refused by its Content-Length, or cut off while it streams.

An ASGI middleware, so that nothing behind it ever holds more. SECURITY row 12.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin.api.problems import problem

_CONTENT: Final = 48 * 1024 * 1024  # a campaign or an answer with its attachments in base64
_USUAL: Final = 1024 * 1024


class _TooLargeError(Exception):
    """The body grew beyond its limit while it was read."""


class BodyLimit:
    def __init__(self, app: ASGIApp, import_bytes: int) -> None:
        self._app = app
        self._limits: Sequence[tuple[re.Pattern[str], int]] = (
            (re.compile(r"/api/v1/lists/[^/]+/imports"), import_bytes),
            (re.compile(r"/p/[^/]+/lists/[^/]+/import"), import_bytes),
            (re.compile(r"/api/v1/campaigns|/p/[^/]+/campaigns/[^/]+/message"), _CONTENT),
            (re.compile(r"/api/v1/campaigns/[^/]+|/api/v1/clients/[^/]+/conversation"), _CONTENT),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((most for path, most in self._limits if path.fullmatch(scope["path"])), _USUAL)
        begun, over, left = False, _announced(scope) > limit, limit

        async def counted() -> Message:
            nonlocal left, over
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                over = True
                raise _TooLargeError
            return message

        async def watched(message: Message) -> None:
            """What the application makes of a body that was cut off is not sent."""
            nonlocal begun
            if not over or begun:
                begun = True
                await send(message)

        if not over:
            with suppress(_TooLargeError):
                await self._app(scope, counted, watched)
        if over and not begun:
            words = f"the body is larger than the {limit} octets that this address takes"
            # The connection stays: closed while its client still writes, it would lose this very answer.
            await problem(413, "Too large", words)(scope, receive, send)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
