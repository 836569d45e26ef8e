"""Who is promoted next: nobody's million delays another's ten, a slow site blocks no other, no bound is overstepped."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.fairness import BEYOND, CLASSES, TURN, shares


@dataclass(frozen=True, slots=True)
class Flow:
    id: int
    project_id: int
    site: str
    queued: int
    retry: str = "campaign"


FLOWS = st.lists(
    st.builds(
        Flow,
        id=st.integers(1, 10_000),
        project_id=st.integers(1, 4),
        site=st.sampled_from("abcde"),
        queued=st.integers(0, 2_000),
        retry=st.sampled_from(CLASSES),
    ),
    max_size=30,
    unique_by=lambda flow: flow.id,
)
ROOM = st.fixed_dictionaries({site: st.integers(-50, 300) for site in "abcde"})


@settings(max_examples=200, deadline=None)
@given(FLOWS, ROOM, st.integers(0, 700))
def test_no_bound_is_overstepped_and_nothing_is_left_that_would_fit(
    flows: list[Flow], room: dict[str, int], capacity: int
) -> None:
    chosen = shares(flows, room, capacity)
    by_id = {flow.id: flow for flow in flows}
    assert sum(chosen.values()) <= capacity
    assert all(0 < count <= by_id[flow].queued for flow, count in chosen.items())
    left = dict(room)
    idle = capacity - sum(chosen.values())
    for name in CLASSES:
        mine = [flow for flow in flows if flow.retry == name]
        for flow in mine:
            left[flow.site] -= chosen.get(flow.id, 0)
        assert all(left[flow.site] >= -BEYOND[name] for flow in mine if flow.id in chosen)
        fits = [one for one in mine if one.queued > chosen.get(one.id, 0) and left[one.site] + BEYOND[name] > 0]
        assert idle == 0 or not fits
    assert set(chosen) <= set(by_id)


def test_one_project_s_million_leaves_another_its_ten() -> None:
    """Also where the million waits longer and has more flows."""
    million = [Flow(number, 1, f"site{number}", 1_000_000) for number in range(1, 11)]
    ten = Flow(99, 2, "site1", 10)
    for capacity in (20, 100, 600):
        assert shares([*million, ten], dict.fromkeys({flow.site for flow in million}, 300), capacity)[99] == 10


def test_projects_share_evenly_whoever_has_more_flows() -> None:
    many = [Flow(number, 1, f"a{number}", 1_000) for number in range(1, 31)]
    one = Flow(99, 2, "b", 1_000)
    room = {flow.site: 300 for flow in (*many, one)}
    assert shares([*many, one], room, 400)[99] == 200


def test_transactional_goes_first_then_submission_then_campaigns() -> None:
    flows = [Flow(1, 1, "a", 100, "campaign"), Flow(2, 1, "a", 30, "submission"), Flow(3, 2, "a", 50, "transactional")]
    assert shares(flows, {"a": 300}, 60) == {3: 50, 2: 10}
    assert shares(flows, {"a": 300}, 100) == {3: 50, 2: 30, 1: 20}


def test_campaigns_leave_a_part_of_what_a_worker_may_hold_to_mail_that_somebody_waits_for() -> None:
    million = Flow(1, 1, "slow", 1_000_000)
    assert shares([million], {"slow": 1_000}, 600, 600) == {1: 540}
    urgent = [Flow(2, 2, "b", 100, "submission"), Flow(3, 3, "c", 100, "transactional")]
    assert shares([million, *urgent], {"slow": 1_000, "b": 300, "c": 300}, 60, 600) == {3: 60}
    assert shares([million, urgent[0]], {"slow": 1_000, "b": 300}, 60, 600) == {2: 30}


def test_a_site_that_is_full_of_a_campaign_still_takes_urgent_mail() -> None:
    flows = [Flow(1, 1, "slow", 500), Flow(2, 2, "slow", 50, "submission"), Flow(3, 3, "slow", 50, "transactional")]
    assert shares(flows, {"slow": 0}, 100) == {3: BEYOND["transactional"]}
    assert shares(flows[:2], {"slow": 0}, 100) == {2: BEYOND["submission"]}


def test_a_slow_site_keeps_what_it_has_and_blocks_no_other() -> None:
    """Two slow sites hold 200 rows each and still want more: what becomes free goes to the third."""
    flows = [Flow(1, 1, "slow1", 10_000), Flow(2, 1, "slow2", 10_000), Flow(3, 1, "quick", 10_000)]
    assert shares(flows, {"slow1": 100, "slow2": 100, "quick": 300}, 150) == {3: 150}


def test_a_full_site_gets_nothing_and_its_capacity_goes_to_others() -> None:
    flows = [Flow(1, 1, "full", 500), Flow(2, 1, "open", 500)]
    assert shares(flows, {"full": 0, "open": 300}, 100) == {2: 100}
    assert shares(flows, {"full": -5, "open": 0}, 100) == {}


def test_sites_fill_evenly_from_nothing() -> None:
    flows = [Flow(number, 1, f"site{number}", 10_000) for number in range(1, 6)]
    chosen = shares(flows, {flow.site: 300 for flow in flows}, 500)
    assert set(chosen.values()) == {100}


def test_few_flows_are_claimed_from_at_once() -> None:
    """Each flow costs a statement: forty that wait do not make forty of a small capacity."""
    flows = [Flow(number, 1, f"site{number}", 10_000) for number in range(1, 41)]
    assert len(shares(flows, {flow.site: 300 for flow in flows}, 5 * TURN)) == 5
