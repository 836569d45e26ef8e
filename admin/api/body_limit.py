"""The most octets that a request may bring: refused by its Content-Length, or cut off while it streams.

An ASGI middleware, so that nothing behind it ever holds more. SECURITY row 12.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin.api.problems import problem

_CONTENT: Final = 48 * 1024 * 1024  # a campaign with its attachments in base64
_USUAL: Final = 1024 * 1024


class _TooLargeError(Exception):
    """The body grew beyond its limit while it was read."""


class BodyLimit:
    def __init__(self, app: ASGIApp, import_bytes: int) -> None:
        self._app = app
        self._limits: Sequence[tuple[re.Pattern[str], int]] = (
            (re.compile(r"/api/v1/lists/[^/]+/imports"), import_bytes),
            (re.compile(r"/api/v1/campaigns"), _CONTENT),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((most for path, most in self._limits if path.fullmatch(scope["path"])), _USUAL)
        begun, left = False, limit

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _TooLargeError
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if _announced(scope) > limit:
                raise _TooLargeError
            await self._app(scope, counted, watched)
        except _TooLargeError:
            if begun:
                raise
            words = f"the body is larger than the {limit} octets that this address takes"
            await problem(413, "Too large", words, headers={"Connection": "close"})(scope, receive, send)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
