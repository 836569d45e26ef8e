"""/explain of one address or domain: for the operator of all projects, for a project of its own clients."""

from __future__ import annotations

from fastapi import APIRouter

from admin.acts import explain as acts
from admin.acts.explain import Explained
from admin.api.doors import Scope, TheOffice

router = APIRouter(tags=["queue"])


@router.get("/explain/{what:path}")
def explain(what: str, office: TheOffice, scope: Scope, source: str | None = None) -> Explained:
    """Site, MX, limits and where each comes from, reactions and until when, warm-up, suppression, rating, breakers."""
    return acts.explain(office, scope, what, source)
