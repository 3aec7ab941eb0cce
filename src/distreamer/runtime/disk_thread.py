"""A thread for work that may block for ever, such as that of a disk. Nobody waits for it, not even at the end."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Worker(Protocol):
    """Does one job after the other, elsewhere."""

    def submit(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        """Its result, or what it raised. Who gives up waiting does not end it."""
        ...

    def stop(self) -> None:
        """There are no more jobs."""
        ...


class DiskThread:
    """Begun with the first job, inside a running event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        """The one who submits bounds it: another job only when the one before is done."""
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((job, future))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(loop,), name=self._name, daemon=True)
            self._thread.start()
        return future

    def stop(self) -> None:
        self._jobs.put(None)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (item := self._jobs.get()) is not None:
            job, future = item
            try:
                result, error = job(), None
            except Exception as raised:  # noqa: BLE001 - whoever waits for the future gets it
                result, error = None, raised
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                return  # The loop has ended meanwhile.


def _settle(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
