"""kill -9 of every process in turn, and of the parent, during one campaign of 5,000: nothing is lost.

Counted at the receiving hosts, by a token in each message (tests/peers/crash.py); `make bench NAME=crash` is the form
with many rounds. Nine deaths, spread over the campaign by how much has arrived, so each falls into its middle.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from peers.crash import CHILDREN, INFLIGHT, PARENT, SENDERS, running_scene, tally
from peers.loopback import wait_until

RECIPIENTS = 5_000


@pytest.mark.timeout(280)
def test_every_process_is_killed_in_turn_and_no_message_is_lost(tmp_path: Path) -> None:
    tokens = {f"{number:05}" for number in range(RECIPIENTS)}
    victims = (*CHILDREN, PARENT)
    with running_scene(tmp_path) as scene:
        campaign = scene.launch("five thousand", sorted(tokens))
        for turn, victim in enumerate(victims, 1):
            scene.wait_for_copies(turn * RECIPIENTS // (len(victims) + 1), 60)
            scene.kill(victim)
        before_the_end = len(scene.hosts.arrived())
        wait_until(lambda: scene.finished(campaign), "the campaign is finished", 120)
        counts = scene.counts(campaign)
        alive = {process: scene.appliance.pid_of(process) for process in CHILDREN}
        found = tally(scene.hosts.arrived(), scene.kills)
    assert before_the_end < RECIPIENTS, "the campaign was over before the last kill"
    assert all(alive.values()), alive
    assert counts == {"delivered": RECIPIENTS, "finished": -1}
    assert found.arrived == tokens
    assert (found.unexplained, found.unlike) == ([], [])
    # What two senders had on the wire when they died is repeated, and no more than they held.
    assert 0 < found.repeats <= INFLIGHT * sum(SENDERS[kill.process] for kill in scene.kills if kill.process in SENDERS)
    for number, repeats in found.by_kill.items():
        assert repeats <= INFLIGHT * SENDERS[scene.kills[number].process]
    print(f"repeats: {found.repeats}, by kill: { {scene.kills[at].process: n for at, n in found.by_kill.items()} }")
