"""Which source a row is given at its promotion: awake, able to get there, warm; a deferred row keeps its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mail.outcome import Reason
from mta.outbound.compose import Recipe
from mta.outbound.job import Job
from mta.outbound.pacing import Pacing, Sickness
from mta.outbound.promote import Promoted, job_of
from mta.outbound.reach import KEPT, Reach
from mta.outbound.warming import Warming
from policy.rotation import EgressSource
from policy.shaping import Action, Limits, Reaction, Table
from store.campaigns import CampaignState
from store.flows import Flow
from store.ledger import Claimed

NOW = datetime.now(UTC)
COLD, WARM, SIX = (
    EgressSource(address, "out.test", "mailings", 1) for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1")
)
FLOW = Flow(3, 1, "campaign", 9, "far.test", "campaign", "mailings", 1, NOW)
RECIPE = Recipe(1, 9, 4, CampaignState.RUNNING, "ours.test", "ours.test", {}, None, b"", None)


def given(
    *sources: EgressSource, last: str | None = None, reason: Reason | None = None, rests: str = "",
    reach: Reach | None = None, plan: int = 0,
) -> set[str]:  # fmt: skip
    """The sources that 40 rows are given; COLD may send `plan` messages today, and has sent them."""
    pacing = Pacing(sources, Table({}), Limits(5, 100, timedelta(seconds=15)), Sickness(), lambda _: None)
    if rests:
        until = NOW + timedelta(hours=1)
        pacing.load([Reaction("far.test", rests, Action.REST, 0, until, timedelta(hours=1), "told")])
    warming = Warming({COLD.address: (NOW.date(), {"default": [plan]})} if plan else {})
    warming.refresh(NOW.date(), {f"{COLD.address} default": plan})
    row = Claimed(7, 3, 5, None, "ann@far.test", 1 if last else 0, NOW, last, reason)
    jobs = [job_of(Promoted(row, FLOW), None, RECIPE, pacing, warming, reach or Reach()) for _ in range(40)]
    assert all(isinstance(job, Job) for job in jobs)
    return {job.source.address for job in jobs if isinstance(job, Job)}


def test_what_is_over_a_warm_up_leaves_from_the_warm_ones() -> None:
    assert given(COLD, WARM) == {COLD.address, WARM.address}
    assert given(COLD, WARM, plan=50) == {WARM.address}


def test_a_greylisted_row_comes_back_from_its_own_source_also_beyond_the_warm_up() -> None:
    assert given(COLD, WARM, last=COLD.address, reason=Reason.SYSTEMERROR, plan=50) == {COLD.address}


def test_one_that_was_refused_for_its_source_or_whose_source_rests_goes_by_another() -> None:
    assert given(COLD, WARM, last=COLD.address, reason=Reason.BLOCKED) == {WARM.address}
    assert given(COLD, WARM, last=COLD.address, rests=COLD.address) == {WARM.address}
    assert given(COLD, last=COLD.address, reason=Reason.BLOCKED) == {COLD.address}  # the only one there is


def test_a_source_that_was_retired_strands_nothing() -> None:
    assert given(WARM, last=COLD.address) == {WARM.address}


def test_a_domain_that_ipv6_cannot_reach_is_sent_to_by_ipv4() -> None:
    reach = Reach()
    reach.out_of_reach("far.test", SIX.address, 1000.0)
    members = [SIX, WARM]
    assert reach.fitting(members, "far.test", 1000.0 + KEPT - 1) == [WARM]
    assert reach.fitting(members, "near.test", 1001.0) == members
    assert reach.fitting([SIX], "far.test", 1001.0) == [SIX]  # it is tried, rather than nobody
    assert reach.fitting(members, "far.test", 1000.0 + KEPT + 1) == members
