"""The table of moves: what every pair of state and event comes to, and that an end is an end."""

from __future__ import annotations

from itertools import product

import pytest

from policy.lifecycle import FINAL, MOVES, Event, State, advance, sources_of

LEGAL = {
    State.QUEUED: {
        Event.CLAIM: State.INFLIGHT, Event.HOLD: State.HELD, Event.CANCEL: State.CANCELLED,
        Event.DSN_FAILED: State.BOUNCED,
    },
    State.HELD: {
        Event.RELEASE: State.QUEUED, Event.CANCEL: State.CANCELLED, Event.DSN_FAILED: State.BOUNCED,
    },
    State.INFLIGHT: {
        Event.DELIVER: State.DELIVERED, Event.DEFER: State.QUEUED, Event.FAIL: State.FAILED,
        Event.EXPIRE: State.EXPIRED, Event.SUPPRESS: State.SUPPRESSED, Event.CANCEL: State.CANCELLED,
        Event.CLAIM_LOST: State.QUEUED, Event.DSN_FAILED: State.BOUNCED,
    },
    State.DELIVERED: {Event.DSN_FAILED: State.BOUNCED},
}  # fmt: skip


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=lambda one: one.value)
def test_every_pair_of_state_and_event_is_decided(state: State, event: Event) -> None:
    assert advance(state, event) is LEGAL.get(state, {}).get(event)


def test_only_a_dsn_leaves_a_final_state_and_only_delivered() -> None:
    leaving = {(state, event): target for (state, event), target in MOVES.items() if state in FINAL}
    assert leaving == {(State.DELIVERED, Event.DSN_FAILED): State.BOUNCED}


def test_every_state_can_reach_an_end_and_be_reached() -> None:
    reach = {state: {target for (source, _), target in MOVES.items() if source is state} for state in State}
    for state in set(State) - FINAL:
        seen, open_states = set[State](), {state}
        while open_states:
            seen |= open_states
            open_states = set().union(*(reach[one] for one in open_states)) - seen
        assert seen & FINAL
    assert set(MOVES.values()) == set(State)


def test_the_condition_of_an_update_names_exactly_the_states_that_the_table_allows() -> None:
    for event in Event:
        assert set(sources_of(event)) == {state for state in State if advance(state, event) is not None}


def test_the_names_are_those_of_the_contract() -> None:
    assert {state.value for state in State} == {
        "queued", "inflight", "held", "delivered", "bounced", "failed", "expired", "suppressed", "cancelled",
    }  # fmt: skip
    assert {state.value for state in FINAL} == {state.value for state in State} - {"queued", "inflight", "held"}
