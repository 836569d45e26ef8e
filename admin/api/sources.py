"""/ips and /pools: the addresses that mail leaves from. Reactions and warm-up are the operator's to see."""

from __future__ import annotations

from fastapi import APIRouter

from admin.acts import explain
from admin.acts.explain import PoolView, SourceView
from admin.api.doors import Operator, TheCaller, TheOffice

router = APIRouter(tags=["sources"])


@router.get("/ips")
def list_ips(office: TheOffice, _: Operator) -> list[SourceView]:
    """Each with its pool, what it holds back at which site, and its warm-up of today."""
    return explain.sources(office)


@router.get("/pools")
def list_pools(office: TheOffice, _: TheCaller) -> list[PoolView]:
    return explain.pools(office)
