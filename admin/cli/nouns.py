"""One group of commands for each noun of the API."""

from __future__ import annotations

from typing import Final

import typer

from admin.cli import (
    alias,
    api_key,
    app_password,
    campaign,
    client,
    client_list,
    connection,
    domain,
    ip,
    mailbox,
    person,
    project,
    segment,
    sender,
)

_GROUPS: Final = {
    "alias": alias.app,
    "api-key": api_key.app,
    "app-password": app_password.app,
    "campaign": campaign.app,
    "client": client.app,
    "connection": connection.app,
    "domain": domain.app,
    "ip": ip.app,
    "list": client_list.app,
    "mailbox": mailbox.app,
    "person": person.app,
    "pool": ip.pools,
    "project": project.app,
    "rating": client.rating,
    "segment": segment.app,
    "sender": sender.app,
}


def add_to(app: typer.Typer) -> None:
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name)
