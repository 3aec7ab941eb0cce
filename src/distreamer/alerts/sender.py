"""What a kind of alert is, and what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from distreamer.alerts.message import Message
from distreamer.errors import LinkError

Result = TypeVar("Result")


class OwnThread(Protocol):
    """Does what may block, one job after the other, where it holds up nobody else."""

    def submit(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        """Its result, or what it raised. Who gives up waiting does not end it."""
        ...


class Sender(Protocol):
    """One receiver and the way to him, made from the settings of an [ALERT]."""

    @property
    def receiver(self) -> str:
        """Who that is, without anything secret: ``mail to anna@example.org``."""
        ...

    async def deliver(self, message: Message) -> str:
        """Tries once to tell it, within TIMEOUT, and gives what happened in words: ``accepted by mail.example:587``.

        Raises LinkError when the receiver cannot be reached: then it is tried again for long. Raises another
        DiStreamerError when he refuses it, or this machine lacks something.
        """
        ...


class PatientThread:
    """A thread in which a job may hang: no other one is begun behind a job whose asker gave up waiting for it."""

    def __init__(self, thread: OwnThread, peer: str) -> None:
        """``peer`` is who is asked, for messages."""
        self._thread = thread
        self._peer = peer
        self._asked = asyncio.Lock()
        self._last: asyncio.Future[Any] | None = None

    async def do(self, job: Callable[[], Result]) -> Result:
        """Its result, or what it raised. Raises LinkError when a job that nobody waits for any more still hangs."""
        async with self._asked:
            if self._last is not None and not self._last.done():
                raise LinkError(self._peer, "has not answered the question before yet")
            self._last = future = self._thread.submit(job)
            # What it raises when nobody waits any more is no news.
            future.add_done_callback(_look_at_error)
            return await asyncio.shield(future)


def _look_at_error(future: asyncio.Future[Result]) -> None:
    if not future.cancelled():
        future.exception()
