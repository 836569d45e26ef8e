"""Every act over the API is in the audit trail: who, what, on what, from where (PRODUCT P4).

A dependency of all routes of the API, which goes on when the answer is known; what was refused did nothing, and is not
noted. The act is named after the route's function: `create_client` is "client.create". Its subject is a thing as the
panel names it, asked for before the act, which may remove it; the path only where nothing in it has a name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from admin.acts import audit, things
from admin.api.doors import TheCaller, TheOffice
from store.things import NOUNS

_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
_NAMED: Final = ("name", "address", "login", "to", "entry")  # what a body, or a path, calls its thing
_DIGITS: Final = 18


async def noted(request: Request, caller: TheCaller, office: TheOffice) -> AsyncIterator[None]:
    if request.method in _LOOKS:
        yield
        return
    said = await _named(request)
    subject = await run_in_threadpool(_subject, request, office, caller.project, said)
    yield
    act = act_of(request.scope["route"].name)
    address = request.client.host if request.client else ""
    project: int | None = request.state.project
    await run_in_threadpool(audit.note, office, project, caller.who, act, subject, address)


def act_of(function: str) -> str:
    """`create_client` is "client.create"."""
    verb, _, noun = function.partition("_")
    return f"{noun}.{verb}"


def _subject(request: Request, office: TheOffice, project: int | None, said: str) -> str:
    """What the path names, and what the body does; the path itself where it names nothing that it should."""
    asked = request.path_params
    names = [*_things(office, project, asked), *(asked[one] for one in _NAMED if one in asked)]
    if not names and (asked or not said):
        names = [request.url.path.partition("/api/v1/")[2]]
    known = {*names, *(named.name for one in names if (named := things.read(one)))}
    return ": ".join([*names, *({said} - known - {""})])


def _things(office: TheOffice, project: int | None, asked: dict[str, str]) -> Iterator[str]:
    for parameter, number in asked.items():
        noun = parameter.removesuffix("_id")
        if noun in NOUNS and number.isascii() and number.isdigit() and len(number) <= _DIGITS:
            thing = things.found(office, project, noun, int(number))
            if thing is not None:
                yield thing


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
