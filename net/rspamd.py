"""Asks an rspamd what it thinks of a message: its HTTP protocol, `/checkv2`.

I/O, on the caller's loop. The address is the operator's own word (`[junk] rspamd`), so it may be a private one, unlike
those that net/http_guard reaches; the rest is as there: no redirect, no proxy of the environment, a limit of octets and
of time. Raises UnansweredError.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx
import msgspec

_OCTETS: Final = 1024 * 1024
_CONNECTIONS: Final = 32
_UNSAFE: Final = re.compile(r"[^\x20-\x7e]")


class UnansweredError(Exception):
    """Nothing usable came of it; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the session knows of a message; `reverse_path` "" is the null path."""

    peer: str
    helo: str
    reverse_path: str
    recipients: Sequence[str]


class Opinion(msgspec.Struct, frozen=True):
    """`action` in rspamd's words, `required_score` what it would reject at."""

    action: str
    score: float
    required_score: float = 0.0


class Rspamd:
    """One for each process, made after the fork; `limit` is for one question, all of it together."""

    def __init__(self, url: str, limit: timedelta) -> None:
        self._url = f"{url.rstrip('/')}/checkv2"
        self._limit = limit
        self._client = httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=None,
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        )  # fmt: skip

    async def opinion(self, question: Question, content: bytes) -> Opinion:
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await self._ask(question, content)
        except TimeoutError as error:
            raise UnansweredError(f"{self._url}: no answer in {self._limit.total_seconds():g} s") from error
        except (httpx.HTTPError, OSError, msgspec.MsgspecError) as error:
            raise UnansweredError(f"{self._url}: {error}") from error

    async def _ask(self, question: Question, content: bytes) -> Opinion:
        async with self._client.stream("POST", self._url, headers=_headers(question), content=content) as answer:
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > _OCTETS:
                    raise UnansweredError(f"{self._url}: more than {_OCTETS} octets")
            if answer.status_code != 200:
                raise UnansweredError(f"{self._url}: status {answer.status_code}")
        return msgspec.json.decode(body, type=Opinion)


def _headers(question: Question) -> list[tuple[str, str]]:
    fields = [("IP", question.peer), ("Helo", question.helo), ("From", question.reverse_path)]
    fields += [("Rcpt", recipient) for recipient in question.recipients]
    return [(name, _UNSAFE.sub("?", value)) for name, value in fields]
