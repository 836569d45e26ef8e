"""What a person does at the panel, a program does by the API and an operator in a shell: no form without its twins.

A form that is added without a line here fails the first test; None says that there is no sense in it there, with why.
"""

from __future__ import annotations

from typing import Final

import pytest
import typer
from fastapi.routing import APIRoute

from admin.api.app import NOUNS
from admin.cli.commands import app
from admin.pages.panel import PAGES

P: Final = "/p/{project}"
OWN: Final = "one's own session, password, language: a key and a shell have none"
# Form of the panel: (route of the API, command), or why neither.
TWINS: Final[dict[str, tuple[str, str] | str]] = {
    "/sign-in": OWN,
    "/sign-in/code": OWN,
    "/sign-out": OWN,
    "/me/tastes": OWN,
    "/me/password": OWN,
    "/me/second-factor": OWN,
    "/me/second-factor/remove": OWN,
    "/me/sessions/{session}/end": OWN,
    f"{P}/domains": ("POST /domains", "domain add"),
    f"{P}/domains/{{name}}/check": ("POST /domains/{name}/check", "domain check"),
    f"{P}/domains/{{name}}/keys": ("POST /domains/{name}/keys", "domain keys"),
    f"{P}/domains/{{name}}/states": ("PATCH /domains/{name}", "domain set"),
    f"{P}/mailboxes": ("POST /mailboxes", "mailbox add"),
    f"{P}/mailboxes/{{address}}/password": ("POST /mailboxes/{address}/password", "mailbox password"),
    f"{P}/mailboxes/{{address}}/remove": ("DELETE /mailboxes/{address}", "mailbox remove"),
    f"{P}/mailboxes/{{address}}/app-passwords": ("POST /mailboxes/{address}/app-passwords", "app-password add"),
    f"{P}/mailboxes/{{address}}/app-passwords/{{password}}/revoke": (
        "DELETE /mailboxes/{address}/app-passwords/{password_id}",
        "app-password revoke",
    ),
    f"{P}/mailboxes/{{address}}/settings": ("PATCH /mailboxes/{address}", "mailbox set"),
    f"{P}/mailboxes/{{address}}/correspondents": ("PUT /mailboxes/{address}/correspondents/{entry}", "mailbox deny"),
    f"{P}/mailboxes/{{address}}/correspondents/remove": (
        "DELETE /mailboxes/{address}/correspondents/{entry}",
        "mailbox deny",
    ),
    f"{P}/keys": ("POST /keys", "api-key add"),
    f"{P}/keys/{{key}}/revoke": ("DELETE /keys/{key_id}", "api-key revoke"),
    f"{P}/aliases": ("POST /aliases", "alias add"),
    f"{P}/aliases/{{alias}}/remove": ("DELETE /aliases/{alias_id}", "alias remove"),
    f"{P}/senders": ("POST /senders", "sender add"),
    f"{P}/senders/{{sender}}/code": ("POST /senders/{sender_id}/code", "sender prove"),
    f"{P}/senders/{{sender}}/proof": ("POST /senders/{sender_id}/proof", "sender prove"),
    f"{P}/connections": ("POST /connections", "connection ask"),
    f"{P}/connections/{{connection}}/password": ("POST /connections/{connection_id}/password", "connection password"),
    f"{P}/lists": ("POST /lists", "list add"),
    f"{P}/lists/{{list_id}}/import": ("POST /lists/{list_id}/imports", "import"),
    f"{P}/clients": ("POST /clients", "client add"),
    f"{P}/clients/{{client}}/rating": ("POST /clients/{client_id}/rating", "rating set"),
    f"{P}/segments": ("POST /segments", "segment add"),
    f"{P}/segments/{{segment}}": ("PUT /segments/{segment_id}", "segment edit"),
    f"{P}/segments/{{segment}}/remove": ("DELETE /segments/{segment_id}", "segment remove"),
    f"{P}/conversations/{{client}}/done": ("POST /clients/{client_id}/conversation/done", "client conversation done"),
    f"{P}/conversations/{{client}}": ("POST /clients/{client_id}/conversation", "client conversation answer"),
    f"{P}/campaigns": ("POST /campaigns", "campaign add"),
    f"{P}/campaigns/{{campaign}}/recipients": ("PUT /campaigns/{campaign_id}", "campaign edit"),
    f"{P}/campaigns/{{campaign}}/message": ("PUT /campaigns/{campaign_id}", "campaign edit"),
    f"{P}/campaigns/{{campaign}}/attachments/{{position}}/remove": ("PUT /campaigns/{campaign_id}", "campaign edit"),
    f"{P}/campaigns/{{campaign}}/test": ("POST /campaigns/{campaign_id}/test", "campaign test"),
    f"{P}/campaigns/{{campaign}}/launch": ("POST /campaigns/{campaign_id}/launch", "campaign launch"),
    f"{P}/campaigns/{{campaign}}/{{act}}": ("POST /campaigns/{campaign_id}/pause", "campaign pause"),
    f"{P}/queue/{{action}}": ("POST /queue/{action}", "queue hold"),
    f"{P}/people": ("POST /people", "person add"),
    f"{P}/people/{{person}}/role": ("PATCH /people/{person_id}", "person role"),
    f"{P}/people/{{person}}/password": ("POST /people/{person_id}/password", "person password"),
    f"{P}/people/{{person}}/remove": ("DELETE /people/{person_id}", "person remove"),
    "/operator/projects": ("POST /projects", "project add"),
    "/operator/moderation/{connection}": ("POST /moderation/{connection_id}", "connection approve"),
}
FORMS: Final = sorted(
    {
        route.path
        for page in PAGES
        for route in page.router.routes
        if isinstance(route, APIRoute) and "POST" in route.methods
    }
)
ROUTES: Final = {
    f"{method} {route.path}"
    for noun in NOUNS
    for route in noun.router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
}


def _commands(group: typer.Typer, before: str = "") -> set[str]:
    found = {f"{before}{one.name or one.callback.__name__}" for one in group.registered_commands if one.callback}
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            found |= _commands(inner.typer_instance, f"{before}{inner.name} ")
    return found


def test_every_form_of_the_panel_has_its_twins_named() -> None:
    assert set(FORMS) == set(TWINS)


@pytest.mark.parametrize("form", [form for form in TWINS if isinstance(TWINS[form], tuple)])
def test_what_a_form_does_the_api_and_the_command_line_do(form: str) -> None:
    route, command = TWINS[form]
    assert route in ROUTES
    assert command in _commands(app)
