"""Every act over the API is in the audit trail: who, what, on what, from where (PRODUCT P4).

A dependency of all routes of the API, which goes on when the answer is known; what was refused did nothing, and is not
noted. The act is named after the route's function: `create_client` is "client.create". Its subject is a thing as the
panel names it, asked for before the act, which may remove it; the path only where nothing in it has a name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from admin.acts import audit, things
from admin.api.doors import TheCaller, TheOffice
from admin.office import Office
from store.things import NOUNS

_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
_NAMED: Final = ("name", "address", "login", "to", "entry")  # what a body, or a path, calls its thing
_DIGITS: Final = 18


async def noted(request: Request, caller: TheCaller, office: TheOffice) -> AsyncIterator[None]:
    if request.method in _LOOKS:
        yield
        return
    body = await _body(request)
    subject = await run_in_threadpool(_subject, request, office, caller.project, body)
    yield
    act = act_of(request.scope["route"].name, request.path_params.get("action"))
    address = request.client.host if request.client else ""
    project: int | None = request.state.project
    await run_in_threadpool(audit.note, office, project, caller.who, act, subject, address)


def act_of(function: str, action: str | None = None) -> str:
    """`create_client` is "client.create"; of one for several actions the path says which."""
    verb, _, noun = function.partition("_")
    return f"{noun}.{action or verb}"


def _subject(request: Request, office: Office, project: int | None, body: dict[str, Any]) -> str:
    """What path and body name; the path itself where they name nothing."""
    path = request.path_params
    numbers = {**path, "campaign_id": str(body["campaign"])} if "campaign" in body else path
    names = [*_things(office, project, numbers), *(path[one] for one in _NAMED if one in path)]
    known = {*names, *(named.name for one in names if (named := things.read(one)))}
    said = next((body[one] for one in _NAMED if one in body), "")
    if isinstance(said, str) and said and said not in known:
        names.append(said)
    return ": ".join(names) or request.url.path.partition("/api/v1/")[2]


def _things(office: Office, project: int | None, numbers: Mapping[str, str]) -> Iterator[str]:
    for parameter, number in numbers.items():
        noun = parameter.removesuffix("_id")
        if noun in NOUNS and number.isascii() and number.isdigit() and len(number) <= _DIGITS:
            thing = things.found(office, project, noun, int(number))
            if thing is not None:
                yield thing


async def _body(request: Request) -> dict[str, Any]:
    """One that is no JSON is left to be read as it comes."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return {}
    try:
        body: Any = await request.json()
    except ValueError:
        return {}  # refused by the route itself
    return body if isinstance(body, dict) else {}
