"""/ratings: the ledger replayed after a rule was corrected; a project replays its own."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import clients, ratings
from admin.acts.clients import ClientLife
from admin.acts.ratings import Replayed
from admin.api.doors import InProject, Scope, TheCaller, TheOffice

router = APIRouter(tags=["clients"])


class ReplayRequest(BaseModel):
    """`behind`: the client to go on behind, as `more` of the last answer said."""

    model_config = ConfigDict(extra="forbid")
    dry_run: bool = False
    behind: int = 0


class RatingRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rating: int


@router.post("/clients/{client_id}/rating")
def set_rating(
    client_id: int, body: RatingRequest, office: TheOffice, caller: TheCaller, project: InProject
) -> ClientLife:
    """By hand; consent stays as it is."""
    by = "the operator's key" if caller.project is None else "an API key"
    return clients.rate(office, project, client_id, body.rating, by)


@router.post("/ratings/replay")
def replay_ratings(body: ReplayRequest, office: TheOffice, scope: Scope) -> Replayed:
    return ratings.replay_at_once(office, scope, body.behind, dry_run=body.dry_run)
