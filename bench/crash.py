"""The proof of tests/wire/test_crash_campaign.py in its whole form: many campaigns, processes killed at random moments.

`make bench NAME=crash`: 100 campaigns of 20,000 in one appliance; ARGS="rounds recipients" for another size. Each round
kills another process, the parent among them in its turn, and up to three more; who and when is drawn with the round's
number as seed (ARGS="1 20000 17": round 17 alone again). No peer is measured: what counts is that nothing is lost, by
each recipient's token at the sink, and how much is repeated for each sender's death.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections import Counter
from typing import Any

from measure.report import finish, fsync_ms, scratch
from peers.crash import CHILDREN, INFLIGHT, PARENT, SENDERS, Kill, Scene, Tally, running_scene, tally
from peers.loopback import wait_until

Plan = list[tuple[int, str]]  # kill whom once so many messages of the round have arrived
VICTIMS = (*CHILDREN, PARENT)
WEIGHTS = {"sender-1": 4, "sender-2": 4, PARENT: 2}  # of each process in the draw; 1 for the others
DELAY = 0.03  # seconds that a host thinks about each message
CONNECTIONS = 5


def main(rounds: int, recipients: int, first: int) -> int:
    folder = scratch()
    began, found, kills = time.monotonic(), [], []
    try:
        with running_scene(folder, delay=DELAY, connections=CONNECTIONS) as scene:
            for number in range(first, first + rounds):
                one, killed = _round(scene, number, recipients)
                found.append(one)
                kills.append(killed)
                names = ", ".join(kill.process for kill in killed)
                print(f"round {number}: {len(one.arrived)} arrived, {one.repeats} repeats, killed {names}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return finish(_result(found, kills, recipients, time.monotonic() - began))


def _plan(number: int, recipients: int) -> Plan:
    draw = random.Random(number)
    victims = draw.choices(VICTIMS, weights=[WEIGHTS.get(victim, 1) for victim in VICTIMS], k=draw.randint(0, 3))
    victims.append(VICTIMS[number % len(VICTIMS)])
    return sorted((draw.randrange(recipients * 9 // 10), victim) for victim in victims)


def _round(scene: Scene, number: int, recipients: int) -> tuple[Tally, list[Kill]]:
    tokens = [f"{number}x{at}" for at in range(recipients)]
    scene.hosts.turn_page()
    earlier = len(scene.kills)
    campaign = scene.launch(f"round {number}", tokens)
    for count, victim in _plan(number, recipients):
        scene.wait_for_copies(count, 600)
        scene.kill(victim)
    wait_until(lambda: scene.finished(campaign), f"round {number} is finished", 900)
    kills = scene.kills[earlier:]
    one = tally(scene.hosts.arrived(), kills)
    for token in one.unexplained[:20]:
        copies = [copy.at for copy in scene.hosts.arrived() if copy.token == token]
        since = [[round(at - kill.at, 2) for at in copies] for kill in kills]
        print(f"round {number}: {token} came twice, seconds after each kill: {since}", flush=True)
    if lost := set(tokens) - one.arrived:
        print(f"round {number}: lost {sorted(lost)[:20]}; counts {scene.counts(campaign)}", flush=True)
    return one, kills


def _process(kill: Kill) -> str:
    return kill.process


def _result(found: list[Tally], kills: list[list[Kill]], recipients: int, seconds: float) -> dict[str, Any]:
    deaths = Counter(kill.process for killed in kills for kill in killed)
    repeats = [count for one in found for count in one.by_kill.values()]
    within = all(
        count <= INFLIGHT * SENDERS[killed[at].process]
        for one, killed in zip(found, kills, strict=True)
        for at, count in one.by_kill.items()
    )
    calm = [one for one, killed in zip(found, kills, strict=True) if SENDERS.keys().isdisjoint(map(_process, killed))]
    return {
        "bench": "crash",
        "ours": {
            "rounds": len(found), "messages": recipients * len(found), "seconds": round(seconds, 1),
            "kills": dict(deaths), "lost": sum(recipients - len(one.arrived) for one in found),
            "repeats": sum(one.repeats for one in found), "most_repeats_of_one_kill": max(repeats, default=0),
        },
        "peers": {},
        "ratios": {},
        "fsync_ms": fsync_ms(),
        "settings": f"inflight {INFLIGHT} a sender; 8 hosts that take {DELAY} s for a message",
        "checks": {
            "every message arrived": all(len(one.arrived) == recipients for one in found),
            "no repeat in a round in which no sender was killed": not any(one.repeats for one in calm),
            "every repeat was in a killed sender's hands": not any(one.unexplained for one in found),
            "no kill repeats more than was in flight": within,
            "a repeat is the same message": not any(one.unlike for one in found),
        },
    }  # fmt: skip


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*given, *(100, 20_000, 1)[len(given) :]))
