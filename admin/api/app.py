"""The application of the admin role: API under /api/v1, unsubscribe links under /u, the panel everywhere else.

Made once by admin/daemon.py. No interactive documentation is served: its pages load scripts from elsewhere.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, FastAPI

from admin import autoconfig, report_post, unsubscribe
from admin.acts.signing import Guesses
from admin.api import (
    aliases,
    api_keys,
    app_passwords,
    campaigns,
    clients,
    connections,
    conversations,
    correspondents,
    doctor,
    domains,
    explain,
    imports,
    journey,
    lists,
    mailboxes,
    people,
    problems,
    projects,
    queue,
    ratings,
    segments,
    senders,
    sources,
)
from admin.api.body_limit import BodyLimit
from admin.api.doors import Remembered
from admin.api.noted import noted
from admin.office import Office
from admin.pages import panel
from net.resolver import Resolver
from role.log import EventLog

PREFIX: Final = "/api/v1"
NOUNS: Final = (
    projects, api_keys, domains, mailboxes, app_passwords, correspondents, aliases, senders, connections, lists,
    imports, segments, clients, conversations, campaigns, journey, queue, explain, ratings, doctor, people, sources,
)  # fmt: skip


def make_app(office: Office, log: EventLog, import_bytes: int) -> FastAPI:
    # A redirect to the same path with a slash would be built from the Host header (SECURITY row 21).
    app = FastAPI(
        title="Mailloft",
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.office = office
    app.state.remembered = Remembered()
    app.state.guesses = Guesses()
    app.state.allowance = report_post.Allowance()
    dns = office.settings.dns
    app.state.resolver = Resolver(dns.servers, dns.timeout)
    problems.install(app, log)
    app.add_middleware(BodyLimit, import_bytes=import_bytes)
    api = APIRouter(prefix=PREFIX)
    for noun in NOUNS:
        api.include_router(noun.router, dependencies=[Depends(noted, scope="function")])

    @api.get("/health", tags=["health"])
    def health() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(api)
    app.include_router(unsubscribe.router)
    app.include_router(autoconfig.router)
    app.include_router(report_post.router)
    panel.include_in(app)
    return app
