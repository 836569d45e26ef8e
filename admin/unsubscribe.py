"""/u/<token>: the page behind the unsubscribe link, and the one click (RFC 8058, PRODUCT K4).

GET shows and changes nothing, since scanners follow links; POST acts at once, as often as it comes. The token alone
is the right to do it; a wrong one is 404. The page needs no script and nothing from elsewhere, and speaks the first
of our languages that the browser asks for.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from admin.api.doors import TheOffice
from admin.office import Office
from admin.pages.catalogue import Words, preferred
from mail.verp import Tokens
from store import consequences, unsubscribe_view
from store.unsubscribe_view import Subscription

router = APIRouter(tags=["unsubscribe"], include_in_schema=False)

_STYLE: Final = "body{font:18px/1.5 sans-serif;max-width:34em;margin:3em auto;padding:0 1em}button{font:inherit}"
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
}
_PAGE: Final = Markup(
    '<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
    "<body><h1>{heading}</h1><p>{words}</p>{form}</body></html>"
)
_BUTTON: Final = Markup('<p><button name="from" value="{choice}">{label}</button></p>')
_NO_FORM: Final = Markup("")
_FORM: Final = Markup('<form method="post">{buttons}</form>')


@dataclass(frozen=True, slots=True)
class Held:
    """A good token: its ledger row, and whose subscription that is."""

    row: int
    subscription: Subscription


def held_of(token: str, office: TheOffice) -> Held | None:
    row = Tokens(office.vault.derived("tokens")).row_of_unsubscribe(token)
    if row is None:
        return None
    with office.read() as connection:
        found = unsubscribe_view.of_row(connection, row)
    return None if found is None else Held(row, found)


async def everything_of(request: Request) -> bool:
    """Whether the form asked for everything; a one-click POST, or any other body, means the campaign's list."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return False
    async with request.form(max_files=0, max_fields=10) as form:
        return form.get("from") == "everything"


def words_of(request: Request) -> Words:
    return Words(preferred(request.headers.get("accept-language", "")))


TheHeld = Annotated[Held | None, Depends(held_of)]
TheWords = Annotated[Words, Depends(words_of)]


@router.get("/u/test")
@router.post("/u/test")
def show_test(words: TheWords) -> HTMLResponse:
    """The link of previews and test messages (admin/acts/campaign_tests.py)."""
    return _page(200, words, words.t("unsubscribe.test"), words.t("unsubscribe.test_words"))


@router.get("/u/{token}")
def show(held: TheHeld, words: TheWords) -> HTMLResponse:
    return _gone(words) if held is None else _choice(held.subscription, words)


@router.post("/u/{token}")
def act(
    held: TheHeld, words: TheWords, office: TheOffice, everything: Annotated[bool, Depends(everything_of)]
) -> HTMLResponse:
    if held is None:
        return _gone(words)
    one = held.subscription
    list_id = 0 if everything else one.list_id
    _withdraw(office, held.row, list_id)
    key = "unsubscribe.done_list" if list_id else "unsubscribe.done_all"
    told = words.t(key, address=one.address, list=one.list_name, project=one.project)
    return _page(200, words, words.t("unsubscribe.done"), told)


def _withdraw(office: Office, row: int, list_id: int) -> None:
    now = office.now()

    def work(tx: Any) -> bool:
        return consequences.unsubscribe(tx, row, list_id, now)

    office.write(work)


def _choice(one: Subscription, words: Words) -> HTMLResponse:
    """A button for the list and one for everything; without a list only the latter."""
    buttons = _BUTTON.format(choice="everything", label=words.t("unsubscribe.all"))
    if one.list_id:
        buttons = _BUTTON.format(choice="list", label=words.t("unsubscribe.list", list=one.list_name)) + buttons
    asked = words.t("unsubscribe.which", address=one.address, project=one.project)
    return _page(200, words, words.t("unsubscribe.title"), asked, _FORM.format(buttons=buttons))


def _gone(words: Words) -> HTMLResponse:
    return _page(404, words, words.t("unsubscribe.gone"), words.t("unsubscribe.gone_words"))


def _page(status: int, words: Words, heading: Markup, told: Markup, form: Markup = _NO_FORM) -> HTMLResponse:
    page = _PAGE.format(
        language=words.language, title=words.t("unsubscribe.title"), style=Markup(_STYLE), heading=heading, words=told,
        form=form,
    )  # fmt: skip
    return HTMLResponse(page, status, _HEADERS)
