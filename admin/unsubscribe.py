"""/u/<token>: the page behind the unsubscribe link, and the one click (RFC 8058, PRODUCT K4).

GET shows and changes nothing, since scanners follow links; POST acts at once, as often as it comes. The token alone
is the right to do it; a wrong one is 404. The page needs no script and nothing from elsewhere.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from admin.api.doors import TheOffice
from admin.office import Office
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
}


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


TheHeld = Annotated[Held | None, Depends(held_of)]


@router.get("/u/test")
@router.post("/u/test")
def show_test() -> HTMLResponse:
    """The link of previews and test messages (admin/acts/campaign_tests.py)."""
    words = "This is the link of a test message: nobody is unsubscribed. In a campaign each reader has an own one."
    return _page(200, f"<h1>A test</h1><p>{words}</p>")


@router.get("/u/{token}")
def show(held: TheHeld) -> HTMLResponse:
    return _gone() if held is None else _page(200, _choice(held.subscription))


@router.post("/u/{token}")
def act(held: TheHeld, office: TheOffice, everything: Annotated[bool, Depends(everything_of)]) -> HTMLResponse:
    if held is None:
        return _gone()
    list_id = 0 if everything else held.subscription.list_id
    _withdraw(office, held.row, list_id)
    whole = "everything" if list_id == 0 else f"the list “{held.subscription.list_name}”"
    words = f"{held.subscription.address} gets no more mail from {whole} of {held.subscription.project}."
    return _page(200, f"<h1>Unsubscribed</h1><p>{escape(words)}</p>")


def _withdraw(office: Office, row: int, list_id: int) -> None:
    now = office.now()

    def work(tx: Any) -> bool:
        return consequences.unsubscribe(tx, row, list_id, now)

    office.write(work)


def _choice(subscription: Subscription) -> str:
    """A button for the list and one for everything; without a list only the latter."""
    buttons = '<p><button name="from" value="everything">Unsubscribe from everything</button></p>'
    if subscription.list_id:
        label = escape(f"Unsubscribe from “{subscription.list_name}”")
        buttons = f'<p><button name="from" value="list">{label}</button></p>{buttons}'
    words = escape(f"{subscription.address} gets mail from {subscription.project}. Which of it shall end?")
    return f'<h1>Unsubscribe</h1><p>{words}</p><form method="post">{buttons}</form>'


def _gone() -> HTMLResponse:
    words = "This link is not whole, or the message it came with is no longer known. Nothing was changed."
    return _page(404, f"<h1>Not found</h1><p>{words}</p>")


def _page(status: int, body: str) -> HTMLResponse:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    )
    return HTMLResponse(page, status, _HEADERS)
