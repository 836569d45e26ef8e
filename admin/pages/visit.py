"""Who looks at a page, in which project, with which right: the dependencies of every page (PRODUCT P1, P4).

A viewer looks, a member works, an owner decides, the operator does all in every project. Raises SignInError, which
becomes a way to the sign-in, ForbiddenError, and NotFoundError for another's project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from admin.acts import audit, signing, things
from admin.api.doors import TheOffice
from admin.office import Office
from admin.pages import audit_words, reason_words, render
from admin.pages.catalogue import LANGUAGES, Words, preferred
from admin.pages.forms import COOKIE, Form, csrf_of
from admin.pages.refused_words import told
from admin.refusals import ForbiddenError, NotFoundError, RefusedError, UnknownCallerError
from store import projects
from store.people import OPERATOR, Person
from store.projects import Project
from store.sessions import Session

VIEWER, MEMBER, OWNER = "viewer", "member", "owner"
_RANKS: Final = {VIEWER: 1, MEMBER: 2, OWNER: 3, OPERATOR: 4}
_SWITCH: Final = 200  # projects in the operator's switch


class SignInError(UnknownCallerError):
    """Nobody is signed in, or the second factor is still asked."""


@dataclass(frozen=True, slots=True)
class Visit:
    """`project` None: a page of the person's own, or of the operator."""

    office: Office
    request: Request
    person: Person
    session: Session
    words: Words
    project: Project | None = None

    @property
    def here(self) -> int:
        """The project's id, on pages that have one."""
        assert self.project is not None
        return self.project.id

    @property
    def base(self) -> str:
        return "" if self.project is None else f"/p/{self.project.id}"

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def csrf(self) -> str:
        return csrf_of(self.office, self.request.cookies[COOKIE])

    def may(self, role: str) -> bool:
        return _RANKS[self.person.role] >= _RANKS[role]

    def page(
        self, template: str, context: Mapping[str, Any], form: Form | None = None, status: int = 200
    ) -> HTMLResponse:
        """`form`: one that failed makes it 422."""
        form = (form or Form()).in_words(self.words.language)
        given = {
            "visit": self, "form": form, "said": self._said(), "languages": LANGUAGES, "path": self.request.url.path,
            "projects": self._projects(), "now": self.office.now(),
        } | spoken(self.words)  # fmt: skip
        return render.page(template, given | dict(context), 422 if form.error and status == 200 else status)

    def told(self, error: RefusedError) -> str:
        """Why it was refused, in the reader's language."""
        return told(self.words.language, error.detail)

    def _said(self) -> str:
        """What the act before this page achieved: one of our own sentences."""
        key = f"said.{self.request.query_params.get('said', '')}"
        return self.words.t(key) if self.words.has(key) else ""

    def _projects(self) -> list[Project]:
        if self.person.project is not None:
            return [self.project] if self.project else []
        with self.office.read() as connection:
            return projects.page(connection, 0, _SWITCH)

    def thing(self, noun: str, number: int) -> str:
        """As the audit trail names it, before an act that may remove it."""
        return things.found(self.office, self.here, noun, number) or str(number)

    def note(self, act: str, subject: str) -> None:
        """Into the audit trail."""
        project = self.project.id if self.project else self.person.project
        audit.note(self.office, project, self.person.login, act, subject, self.address)

    def done(self, act: str, subject: str, path: str, said: str = "") -> RedirectResponse:
        """Noted, and on to the page at `path` of this project, which says so."""
        self.note(act, subject)
        return RedirectResponse(f"{self.base}{path}{f'?said={said}' if said else ''}", 303)


def spoken(words: Words) -> dict[str, Any]:
    names = ("t", "n", "named", "number", "share", "octets", "measured", "when", "ago", "has")
    return {name: getattr(words, name) for name in names} | {
        "language": words.language, "because": partial(reason_words.told, words.language),
        "subject": partial(audit_words.subject, words),
    }  # fmt: skip


def words_of(request: Request, person: Person | None = None) -> Words:
    """The person's own choice, else the browser's."""
    chosen = person.language if person else None
    return Words(chosen or preferred(request.headers.get("accept-language", "")))


def signed_in(request: Request, office: TheOffice) -> Visit:
    found = signing.find(office, cookie) if (cookie := request.cookies.get(COOKIE, "")) else None
    if found is None or not found[0].confirmed:
        raise SignInError("sign in first")
    session, person = found
    return Visit(office, request, person, session, words_of(request, person))


SignedIn = Annotated[Visit, Depends(signed_in)]


def in_project(visit: SignedIn, project: int) -> Visit:
    """Raises NotFoundError for another's project too: nothing tells that there is one."""
    if visit.person.project not in (None, project):
        raise NotFoundError("there is no such page")
    with visit.office.read() as connection:
        found = projects.get(connection, project)
    if found is None:
        raise NotFoundError("there is no such page")
    return Visit(visit.office, visit.request, visit.person, visit.session, visit.words, found)


Viewer = Annotated[Visit, Depends(in_project)]


def _at_least(role: str) -> Callable[[Visit], Visit]:
    def allowed(visit: Viewer) -> Visit:
        if not visit.may(role):
            raise ForbiddenError(f"this takes the role {role}; yours is {visit.person.role}")
        return visit

    return allowed


Member = Annotated[Visit, Depends(_at_least(MEMBER))]
Owner = Annotated[Visit, Depends(_at_least(OWNER))]
OperatorHere = Annotated[Visit, Depends(_at_least(OPERATOR))]


def _operator(visit: SignedIn) -> Visit:
    if visit.person.role != OPERATOR:
        raise NotFoundError("there is no such page")
    return visit


Operating = Annotated[Visit, Depends(_operator)]
