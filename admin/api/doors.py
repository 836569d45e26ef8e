"""Who asks, and for which project: the dependencies of every route (PRODUCT P1).

A bearer key is a project's or the operator's; HTTP Basic is the operator's login. The operator names the project with
`?project=NAME`. Raises UnknownCallerError, ForbiddenError, NotFoundError and InvalidError.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from admin.acts import projects
from admin.acts.pages import Window, window
from admin.office import Office
from admin.refusals import ForbiddenError, InvalidError, UnknownCallerError
from store import keys, mailboxes, people

_REMEMBERED: Final = 300.0  # seconds that a right password is not checked again
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """`project` None: the operator. `who`: as the audit trail names it."""

    project: int | None
    who: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """Keyed hashes of sign-ins that were right moments ago: a password costs 0.1 s and 64 MiB to check."""

    until: OrderedDict[bytes, float] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def knows(self, digest: bytes, now: float) -> bool:
        with self.lock:
            return self.until.get(digest, 0.0) > now

    def add(self, digest: bytes, now: float) -> None:
        with self.lock:
            self.until[digest] = now + _REMEMBERED
            self.until.move_to_end(digest)
            if len(self.until) > _MOST:
                self.until.popitem(last=False)


def office_of(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


TheOffice = Annotated[Office, Depends(office_of)]


def caller_of(request: Request, office: TheOffice) -> Caller:
    """Noted in the request's state, with the project in question, for admin/api/noted.py."""
    request.state.caller = found = _asking(request, office)
    request.state.project = found.project
    return found


def _asking(request: Request, office: Office) -> Caller:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _by_key(office, given.strip())
    if scheme.lower() == "basic":
        return _by_password(request.app.state.remembered, office, given.strip())
    raise UnknownCallerError("send `Authorization: Bearer KEY` with a project's key or the operator's")


def _by_key(office: Office, key: str) -> Caller:
    with office.read() as connection:
        found = keys.find(connection, office.vault.hash_generated(key))
    if found is None:
        raise UnknownCallerError("this key is none of ours, or it was withdrawn")
    return Caller(found.project, f"API key {found.name}")


def _by_password(remembered: Remembered, office: Office, given: str) -> Caller:
    try:
        login, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnknownCallerError("the Basic credentials cannot be read (RFC 7617)") from error
    digest = hmac.digest(office.vault.derived("sign-ins"), f"{login}\0{password}".encode(), "sha256")
    with office.read() as connection:
        person = people.find(connection, login)
    right = remembered.knows(digest, time.monotonic())
    if not right:
        # Checked for an unknown login too, so that the time tells nothing.
        right = mailboxes.verify(office.vault, person.password_hash if person else mailboxes.NOBODY, password)
    if not right or person is None or person.project is not None:
        raise UnknownCallerError("login or password is wrong")
    remembered.add(digest, time.monotonic())
    return Caller(None, login)


TheCaller = Annotated[Caller, Depends(caller_of)]
ProjectName = Annotated[str | None, Query(description="The project, where the key is the operator's")]


def scope_of(request: Request, caller: TheCaller, office: TheOffice, project: ProjectName = None) -> int | None:
    """The project asked for; None: the operator asks for all."""
    if caller.project is None:
        request.state.project = None if project is None else projects.by_name(office, project).id
        found: int | None = request.state.project
        return found
    if project is not None:
        with office.read() as connection:
            if projects.named(connection, project) != caller.project:
                raise ForbiddenError("this key is another project's; leave `project` out")
    return caller.project


Scope = Annotated[int | None, Depends(scope_of)]


def project_of(scope: Scope) -> int:
    if scope is None:
        raise InvalidError("the operator's key is for all projects: name one with ?project=NAME")
    return scope


InProject = Annotated[int, Depends(project_of)]


def operator_of(caller: TheCaller) -> Caller:
    if caller.project is not None:
        raise ForbiddenError("only the operator may do this; this key is a project's")
    return caller


Operator = Annotated[Caller, Depends(operator_of)]


def window_of(cursor: str | None = None, limit: int | None = None) -> Window:
    return window(cursor, limit)


InWindow = Annotated[Window, Depends(window_of)]
