"""Templates to answers: one environment that escapes everything, and the headers of every page.

No inline script or style is ever needed, so the policy allows none (SECURITY row 21). The built front end is
admin/static/ (made from admin/frontend by `make env`); its names carry a hash of its octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
_DAY: Final = timedelta(days=1)
_HOURS_SHOWN: Final = timedelta(days=14)  # what is longer is shown by the day
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


@dataclass(frozen=True, slots=True)
class Plotted:
    """`times`: what is shown by the beginning of its hour, or of its day where the span is long."""

    times: Mapping[datetime, Hour]
    step: timedelta

    @property
    def by_day(self) -> bool:
        return self.step == _DAY

    @property
    def rows(self) -> list[list[float]]:
        """As the front end's plot wants them: seconds, then each series; every step of the span, of hours a day at
        least, and the one behind it, into which the last bar reaches."""
        last = max(self.times)
        first = min(*self.times, last - _DAY + self.step)
        span = [first + at * self.step for at in range((last - first) // self.step + 2)]
        shown = [self.times.get(moment, _NOTHING) for moment in span]
        return [[moment.timestamp() for moment in span], *([getattr(one, kind) for one in shown] for kind in SERIES)]


def plotted(hours: Mapping[datetime, Hour]) -> Plotted:
    if max(hours) - min(hours) < _HOURS_SHOWN:
        return Plotted(hours, timedelta(hours=1))
    days: dict[datetime, Hour] = {}
    for moment, one in sorted(hours.items()):
        day = moment.replace(hour=0)
        days[day] = days.get(day, _NOTHING) + one
    return Plotted(days, _DAY)


_ENVIRONMENT.globals["plotted"] = plotted
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
