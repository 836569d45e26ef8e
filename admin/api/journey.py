"""/trace of one message and /queue: for the operator of all projects, for a project of its own."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from admin.acts import journey
from admin.acts.journey import FlowView
from admin.api.doors import Scope, TheOffice

router = APIRouter(tags=["queue"])


@router.get("/trace/{what:path}")
def trace(what: str, office: TheOffice, scope: Scope) -> dict[str, list[dict[str, Any]]]:
    """By ledger id, address or Message-ID."""
    return {"items": journey.follow(office, scope, what)}


@router.get("/queue")
def queue(
    office: TheOffice, scope: Scope, campaign: int | None = None, site: str | None = None, state: str | None = None
) -> dict[str, list[FlowView]]:
    return {"flows": journey.queue(office, scope, campaign, site, state)}
