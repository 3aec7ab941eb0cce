"""A program that was killed and cannot die, for it waits for a disk that hangs."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from typing import cast

import pytest

from distreamer.core.killed import DYING_SECONDS, until_dead
from tests.support.virtual_time import virtual_time


class Program:
    """Dies so long after it was asked whether it has."""

    pid = 7

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def wait(self) -> int:
        await asyncio.sleep(self._seconds)
        return -9


@pytest.mark.parametrize(("dies_after", "waited"), [(2.0, 2.0), (1e9, DYING_SECONDS)])
@virtual_time(60)
async def test_it_is_waited_for_but_not_for_long(dies_after: float, waited: float) -> None:
    await until_dead(cast(Process, Program(dies_after)))
    assert asyncio.get_running_loop().time() == pytest.approx(waited)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@virtual_time(60)
async def test_who_is_cancelled_meanwhile_leaves_nothing_behind() -> None:
    task = asyncio.create_task(until_dead(cast(Process, Program(1e9))))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
