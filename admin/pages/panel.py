"""All pages of the panel, included once in the application of the admin role."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from admin.pages import (
    api_keys,
    campaign_message,
    campaigns,
    clients,
    connections,
    conversations,
    domains,
    imports,
    journey,
    lists,
    machine,
    mailboxes,
    me,
    operating,
    overview,
    people,
    queue,
    render,
    segments,
    senders,
    sign_in,
)

PAGES: Final = (
    sign_in, me, overview, domains, mailboxes, senders, connections, lists, segments, imports, clients, conversations,
    campaign_message, campaigns, queue, journey, people, api_keys, machine, operating, render,
)  # fmt: skip


def include_in(app: FastAPI) -> None:
    for page in PAGES:
        app.include_router(page.router)
