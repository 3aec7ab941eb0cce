"""The test loop itself: it must jump, count exactly, and never hang."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.virtual_time import (
    DAY_SECONDS,
    VirtualDeadlockError,
    VirtualTimeLimitError,
    run_virtual,
    virtual_time,
)


@virtual_time()
async def test_a_simulated_day_takes_no_day() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(24):
        await asyncio.sleep(3600)
    assert loop.time() == 24 * 3600


@virtual_time()
async def test_timers_fire_in_order_at_their_exact_time() -> None:
    loop = asyncio.get_running_loop()
    fired: list[tuple[str, float]] = []

    async def after(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, loop.time()))

    async with asyncio.TaskGroup() as group:
        group.create_task(after("late", 2.5))
        group.create_task(after("early", 0.1))
    assert fired == [("early", 0.1), ("late", 2.5)]


@virtual_time()
async def test_timeouts_are_virtual_too() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() == 1000


def test_a_deadlock_fails_instead_of_hanging() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlockError, match="no timer is set"):
        run_virtual(hang())


def test_going_on_for_too_long_fails() -> None:
    async def tick() -> None:
        for second in range(3600):
            await asyncio.sleep(1)
            assert second < 60

    with pytest.raises(VirtualTimeLimitError, match="after 60 simulated seconds"):
        run_virtual(tick(), seconds_limit=60)


def test_the_result_comes_back_and_the_clock_of_the_machine_is_left_alone() -> None:
    async def work() -> float:
        await asyncio.sleep(DAY_SECONDS)
        return time.time()

    before = time.time()
    assert run_virtual(work()) - before < DAY_SECONDS
