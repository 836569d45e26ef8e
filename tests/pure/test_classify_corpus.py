"""What `classify_mail` makes of the labelled corpus beside the checkout, against floors that it has reached.

Both parts of the corpus must reach the floors (peers/bounce_score); `make bench NAME=accuracy` prints the figures.
"""

from __future__ import annotations

import os

import pytest

from peers.bounce_score import CORPUS, NEVER_REVIVE, PARTS, Score, score_of


@pytest.fixture(scope="module", params=PARTS)
def score(request: pytest.FixtureRequest) -> Score:
    if not (CORPUS / "labels.jsonl").exists():
        if os.environ.get("MAILLOFT_REQUIRE_PEERS") == "1":
            pytest.fail(f"no labelled bounces at {CORPUS}")
        pytest.skip(f"no labelled bounces at {CORPUS}")
    return score_of(request.param)


def test_recipients_are_found_and_nobody_else_is_named(score: Score) -> None:
    assert score.precision >= 0.995, score.extra
    assert score.recall >= 0.99


def test_effects_are_right_and_hardly_anybody_is_blocked_wrongly(score: Score) -> None:
    assert score.effect_accuracy >= 0.985
    assert len(score.false_blocks) <= 1, score.false_blocks


def test_reasons_and_hardness_are_those_that_a_careful_reader_gives(score: Score) -> None:
    assert score.reason_accuracy >= 0.965
    assert score.hard_accuracy >= 0.99


def test_a_delay_never_counts_but_for_the_one_that_reads_as_a_failure(score: Score) -> None:
    # A delay by its label whose text says "did not reach ... the recipient name is not recognized".
    assert len(score.counted_delays) <= 1, score.counted_delays


def test_people_are_people_and_no_machine_revives_anybody(score: Score) -> None:
    assert {kind for label, kind in score.kinds if label == "human"} == {"human"}
    assert [(label, kind) for label, kind in score.kinds if label in NEVER_REVIVE and kind == "human"] == []


def test_kinds_are_told_apart(score: Score) -> None:
    right = sum(count for (label, kind), count in score.kinds.items() if label == kind)
    assert right / sum(score.kinds.values()) >= 0.98, score.kinds
