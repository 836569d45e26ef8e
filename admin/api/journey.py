"""/trace of one message: for the operator of all projects, for a project of its own."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from admin.acts import journey
from admin.api.doors import Scope, TheOffice

router = APIRouter(tags=["trace"])


@router.get("/trace/{what:path}")
def trace(what: str, office: TheOffice, scope: Scope) -> dict[str, list[dict[str, Any]]]:
    """By ledger id, address or Message-ID."""
    return {"items": journey.follow(office, scope, what)}
