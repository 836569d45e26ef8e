"""Every act over the API is in the audit trail: who, what, on what, from where (PRODUCT P4).

A dependency of all routes of the API, which goes on when the answer is known; what was refused did nothing, and is not
noted. The act is named after the route's function: `create_client` is "client.create".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from admin.acts import audit
from admin.api.doors import Caller

_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
_NAMED: Final = ("name", "address", "login", "to", "entry")  # what a body calls its thing


async def noted(request: Request) -> AsyncIterator[None]:
    if request.method in _LOOKS:
        yield
        return
    subject = " ".join(one for one in (_path(request), await _named(request)) if one)
    yield
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is not None:
        act = act_of(request.scope["route"].name)
        address = request.client.host if request.client else ""
        project: int | None = request.state.project
        office = request.app.state.office
        await run_in_threadpool(audit.note, office, project, caller.who, act, subject, address)


def act_of(function: str) -> str:
    """`create_client` is "client.create"."""
    verb, _, noun = function.partition("_")
    return f"{noun}.{verb}"


def _path(request: Request) -> str:
    return request.url.path.partition("/api/v1/")[2]


async def _named(request: Request) -> str:
    """What the body names; a body that is no JSON is left to be read as it comes."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return ""
    try:
        body: Any = await request.json()
    except ValueError:
        return ""  # refused by the route itself
    found = next((body[name] for name in _NAMED if name in body), "") if isinstance(body, dict) else ""
    return found if isinstance(found, str) else ""
