"""Which egress source a row leaves from.

Pure. Called at promotion, so that no row names an address and retiring one strands nothing. A deferred row stays with
the source of its last attempt, because greylisting knows the pair; else the weights decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EgressSource:
    """One of our addresses: the EHLO name that goes with it, its pool, its share among the pool's."""

    address: str
    ehlo: str
    pool: str
    weight: int


def of_pool(sources: Sequence[EgressSource], pool: str) -> tuple[EgressSource, ...]:
    """The sources of a pool; a pool without any is served by all, since mail that waits for ever is lost.

    A source of weight 0 rests: it is taken only where there is no other at all.
    """
    awake = tuple(source for source in sources if source.weight > 0)
    return tuple(source for source in awake if source.pool == pool) or awake or tuple(sources)


def choose(members: Sequence[EgressSource], last: str | None, draw: float) -> EgressSource:
    """`last`: the address of the last attempt, or None; `draw`: random in 0 <= draw < 1. ValueError without members."""
    if not members:
        raise ValueError("no egress source: set [outbound] sources")
    for source in members:
        if source.address == last:
            return source
    total = sum(source.weight for source in members) or 1
    point = draw * total
    for source in members:
        point -= source.weight
        if point < 0:
            return source
    return members[-1]
