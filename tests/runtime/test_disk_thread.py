"""The thread that may block for ever: what it does comes back, and nobody waits for what does not."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from distreamer.runtime.disk_thread import DiskThread


async def test_results_and_errors_come_back_in_order() -> None:
    thread = DiskThread("disk")
    done: list[int] = []
    futures = [thread.submit(partial(int, number)) for number in range(3)]
    for future in futures:
        future.add_done_callback(lambda one: done.append(one.result()))

    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await thread.submit(fail)
    assert done == [0, 1, 2]
    assert await thread.submit(threading.get_ident) != threading.get_ident()
    thread.stop()


async def test_who_gives_up_waiting_is_not_disturbed_later() -> None:
    thread, goes_on = DiskThread("disk"), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await thread.submit(lambda: goes_on.wait(60))
    later = thread.submit(lambda: "later")
    assert not later.done()
    goes_on.set()
    assert await later == "later"
    thread.stop()
