"""/ratings: the ledger replayed after a rule was corrected; a project replays its own."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import ratings
from admin.acts.ratings import Replayed
from admin.api.doors import Scope, TheOffice

router = APIRouter(tags=["clients"])


class ReplayRequest(BaseModel):
    """`behind`: the client to go on behind, as `more` of the last answer said."""

    model_config = ConfigDict(extra="forbid")
    dry_run: bool = False
    behind: int = 0


@router.post("/ratings/replay")
def replay_ratings(body: ReplayRequest, office: TheOffice, scope: Scope) -> Replayed:
    return ratings.replay_at_once(office, scope, body.behind, dry_run=body.dry_run)
