"""Jobs that may hang, in a thread of their own."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from distreamer.alerts.sender import PatientThread
from distreamer.errors import LinkError
from distreamer.runtime.disk_thread import DiskThread


async def test_jobs_are_done_one_after_the_other_and_raise_what_they_raise() -> None:
    thread = PatientThread(DiskThread("jobs"), "peer")
    found = await asyncio.gather(*(thread.do(partial(divmod, number, 2)) for number in range(5)))
    assert found == [divmod(number, 2) for number in range(5)]
    with pytest.raises(ZeroDivisionError):
        await thread.do(partial(divmod, 1, 0))
    assert await thread.do(partial(divmod, 7, 2)) == (3, 1)


async def test_nobody_waits_behind_a_job_that_was_given_up() -> None:
    loop, go_on = asyncio.get_running_loop(), asyncio.Event()
    thread = PatientThread(DiskThread("jobs"), "peer")

    def hang() -> None:
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        raise OSError("too late")

    first = asyncio.create_task(thread.do(hang))
    second = asyncio.create_task(thread.do(partial(divmod, 7, 2)))
    await asyncio.sleep(0)
    assert not second.done()
    first.cancel()
    with pytest.raises(LinkError, match="peer: has not answered the question before yet"):
        await second
    go_on.set()
    answers: list[tuple[int, int]] = []

    async def ask() -> None:
        try:
            answers.append(await thread.do(partial(divmod, 9, 2)))
        except LinkError:
            await asyncio.sleep(0)

    while not answers:
        await ask()
    assert answers == [(4, 1)]
