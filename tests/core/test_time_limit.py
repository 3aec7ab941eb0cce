"""A time limit in a task that is being cancelled."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.time_limit import time_limit
from tests.support.virtual_time import virtual_time


@virtual_time(60)
async def test_it_holds_while_the_task_is_being_cancelled() -> None:
    ends: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            try:
                async with time_limit(2):
                    await asyncio.sleep(20)
            except TimeoutError:
                ends.append("time is over")

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ends == ["time is over"]
    assert asyncio.get_running_loop().time() == pytest.approx(3)


@virtual_time(60)
async def test_another_cancellation_inside_it_stays_one() -> None:
    async def work() -> None:
        async with time_limit(10):
            await asyncio.sleep(20)

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtual_time(60)
async def test_it_is_an_ordinary_one_elsewhere() -> None:
    with pytest.raises(TimeoutError):
        async with time_limit(1):
            await asyncio.sleep(2)
    async with time_limit(1):
        await asyncio.sleep(0.5)
