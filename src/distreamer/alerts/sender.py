"""What a kind of alert is, and what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

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


@dataclass(eq=False, slots=True)
class PatientThread:
    """A thread in which a job may hang, for the senders of one alert: no second one is begun behind it."""

    thread: OwnThread
    what: str
    """What a job does, for messages: ``a name server``."""
    _last: asyncio.Future[object] | None = None

    async def do(self, job: Callable[[], Result]) -> Result:
        """Its result, or what it raised. Raises LinkError when the job before still hangs."""
        if self._last is not None and not self._last.done():
            raise LinkError(self.what, "has not answered the question before yet")
        future = self.thread.submit(job)
        # Without its own end anything may be raised behind the back of who gave up waiting; that is looked at here.
        future.add_done_callback(_look_at_error)
        self._last = future  # type: ignore[assignment]
        return await asyncio.shield(future)


def _look_at_error(future: asyncio.Future[Result]) -> None:
    if not future.cancelled():
        future.exception()
