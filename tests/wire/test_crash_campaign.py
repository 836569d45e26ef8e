"""kill -9 of every process in turn, and of the parent, during one campaign of 5,000: nothing is lost.

Counted at the receiving hosts, by a token in each message (tests/peers/crash.py); `make bench NAME=crash` is the form
with many rounds. Nine deaths, spread over the campaign by how much has arrived, so each falls into its middle. On
PostgreSQL the campaign is shorter, and only those die that send.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from peers.crash import CHILDREN, INFLIGHT, PARENT, SENDERS, running_scene, tally
from peers.loopback import wait_until
from peers.postgresql import Cluster


@pytest.mark.timeout(280)
def test_every_process_is_killed_in_turn_and_no_message_is_lost(tmp_path: Path) -> None:
    nothing_is_lost(tmp_path, 5_000, (*CHILDREN, PARENT))


@pytest.mark.timeout(280)
def test_on_postgresql_too_nothing_is_lost_when_senders_and_parent_are_killed(tmp_path: Path, cluster: Cluster) -> None:
    nothing_is_lost(tmp_path, 1_500, ("sender-1", "sender-2", PARENT, "sender-1"), cluster.create())


def nothing_is_lost(folder: Path, recipients: int, victims: Sequence[str], database: str = "") -> None:
    tokens = {f"{number:05}" for number in range(recipients)}
    with running_scene(folder, database) as scene:
        campaign = scene.launch("many", sorted(tokens))
        for turn, victim in enumerate(victims, 1):
            scene.wait_for_copies(turn * recipients // (len(victims) + 1), 60)
            scene.kill(victim)
        before_the_end = len(scene.hosts.arrived())
        wait_until(lambda: scene.finished(campaign), "the campaign is finished", 120)
        counts = scene.counts(campaign)
        alive = {process: scene.appliance.pid_of(process) for process in CHILDREN}
        found = tally(scene.hosts.arrived(), scene.kills)
    assert before_the_end < recipients, "the campaign was over before the last kill"
    assert all(alive.values()), alive
    assert counts == {"delivered": recipients, "finished": -1}
    assert found.arrived == tokens
    assert (found.unexplained, found.unlike) == ([], [])
    # What a sender had in its hands when it died may be repeated, and with this many slow hosts something was.
    assert found.repeats > 0
    for number, repeats in found.by_kill.items():
        assert repeats <= INFLIGHT * SENDERS[scene.kills[number].process]
