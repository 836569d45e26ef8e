"""What a page that cannot be shown shows instead: the way to the sign-in, or the reason in plain words.

Asked by admin/api/problems.py for every address that is not the API's or a link's of a mail.
"""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from admin.pages import render
from admin.pages.refused_words import told
from admin.pages.visit import SignInError, spoken, words_of

_OTHERS = ("/api/", "/u/")


def is_page(request: Request) -> bool:
    return not request.url.path.startswith(_OTHERS)


def show(request: Request, status: int, detail: str, error: Exception | None = None) -> Response:
    if isinstance(error, SignInError):
        # A fragment that htmx asked for must not become a sign-in form inside a page.
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
        return RedirectResponse("/sign-in", 303)
    words = words_of(request)
    shown = {"status": status, "detail": told(words.language, detail)}
    return render.page("failure.html", shown | spoken(words), status)
