"""Templates to answers: one environment that escapes everything, and the headers of every page.

No inline script or style is ever needed, so the policy allows none (SECURITY row 21). The built front end is
admin/static/ (made from admin/frontend by `make env`); its names carry a hash of its octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from admin.refusals import NotFoundError
from store.breakers import Hour

_HERE: Final = Path(__file__).parent.parent
STATIC: Final = _HERE / "static"
_KINDS: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_NOTHING: Final = Hour()
SERIES: Final = ("sent", "bounced", "complained", "replied", "unsubscribed")  # of a plot, as plot.js draws them
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}

router = APIRouter(include_in_schema=False)


def _built() -> Mapping[str, tuple[bytes, str]]:
    """Name in the address to octets and type; read once."""
    found = sorted(STATIC.iterdir()) if STATIC.is_dir() else []
    return {
        f"{sha256(file.read_bytes()).hexdigest()[:12]}-{file.name}": (file.read_bytes(), _KINDS[file.suffix])
        for file in found
        if file.suffix in _KINDS
    }


_FILES: Final = _built()
_NAMES: Final = {name.partition("-")[2]: name for name in _FILES}


def asset(name: str) -> str:
    """Where a built file is, with its hash, so that browsers may keep it for ever."""
    return f"/static/{_NAMES.get(name, name)}"


_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals["asset"] = asset


def _plot_rows(hours: Mapping[datetime, Hour]) -> list[list[float]]:
    """As the front end's plot wants them: seconds, then each series; every hour of the span, of a day at least,
    and the one behind it, into which the last bar reaches."""
    last = max(hours)
    first = min(*hours, last - timedelta(hours=23))
    span = [first + timedelta(hours=step) for step in range((last - first) // timedelta(hours=1) + 2)]
    shown = [hours.get(hour, _NOTHING) for hour in span]
    return [[hour.timestamp() for hour in span], *([getattr(one, kind) for one in shown] for kind in SERIES)]


_ENVIRONMENT.globals["plot_rows"] = _plot_rows
_ENVIRONMENT.globals["plot_series"] = SERIES


def page(template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(context), status, dict(HEADERS))


@router.get("/static/{name}")
def static(name: str) -> Response:
    if name not in _FILES:
        raise NotFoundError("there is no such file")
    octets, kind = _FILES[name]
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(octets, media_type=kind, headers=headers)
