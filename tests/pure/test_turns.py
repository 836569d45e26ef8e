"""However many campaign messages are ready, in one round of the loop few begin, in their order."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from mta.outbound.turns import Turns


def test_few_of_many_begin_in_a_round_and_all_in_their_order() -> None:
    begun: list[int] = []
    rounds: list[int] = []

    async def campaign(turns: Turns, number: int) -> None:
        await turns.turn()
        begun.append(number)

    async def test() -> None:
        turns = Turns(8)
        tasks = [asyncio.create_task(campaign(turns, number)) for number in range(100)]
        while not all(task.done() for task in tasks):
            before = len(begun)
            await asyncio.sleep(0)  # as mail that is urgent does: it is back after one round
            rounds.append(len(begun) - before)

    asyncio.run(test())
    assert begun == list(range(100))
    assert max(rounds) == 8


def test_one_that_is_given_up_while_it_waits_takes_no_turn_from_the_others() -> None:
    begun: list[int] = []

    async def campaign(turns: Turns, number: int) -> None:
        await turns.turn()
        begun.append(number)

    async def test() -> None:
        turns = Turns(1)
        tasks = [asyncio.create_task(campaign(turns, number)) for number in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)

    asyncio.run(test())
    assert begun == [0, 1, 3, 4]
