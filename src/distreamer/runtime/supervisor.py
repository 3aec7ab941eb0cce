"""The only retry loop: runs a job, and runs it again, for ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine

from structlog.typing import FilteringBoundLogger

from distreamer.core.backoff import Backoff, BackoffLimits
from distreamer.core.module import Health
from distreamer.errors import DEFECT, DiStreamerError
from distreamer.model.status import ModuleState
from distreamer.units import spoken_seconds

HEALTHY_SECONDS = 5.0
"""A module that did its job for so long is tried at once again when it fails."""


class Supervisor:
    """Keeps one job running until it is cancelled. Nothing that the job raises ends it."""

    def __init__(
        self,
        job: Callable[[], Coroutine[object, object, None]],
        health: Health,
        log: FilteringBoundLogger,
        limits: BackoffLimits | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._job = job
        self._health = health
        self._log = log
        self._backoff = Backoff(limits)
        self._chance = chance
        self._last_defect = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                delay = self._judge(await self._run_once())
                await asyncio.sleep(delay)
        finally:
            self._health.stopped()

    async def _run_once(self) -> BaseException | None:
        """Runs the job until it ends; gives what it raised.

        The job has a task of its own, so that neither what is cancelled inside of it, nor an error with which it
        answers its own cancellation, can be taken for the end of the supervisor or hide it.
        """
        task = asyncio.create_task(self._job(), name=f"{_own_name()}: job")
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return asyncio.CancelledError() if task.cancelled() else task.exception()

    def _judge(self, error: BaseException | None) -> float:
        """Says what went wrong; gives the seconds to wait before the next attempt."""
        if self._health.state is ModuleState.RUNNING and self._health.state_seconds >= HEALTHY_SECONDS:
            self._backoff.reset()
        sentence = _spoken(error)
        self._health.retrying(sentence)
        delay = self._backoff.next_delay(self._chance())
        self._tell(sentence, _defect_in(error), "at once" if delay == 0 else f"in {spoken_seconds(delay)}")
        return delay

    def _tell(self, sentence: str, defect: BaseException | None, next_attempt: str) -> None:
        """A failure that goes on is said twice, then only in the detailed log; the status line has it anyway."""
        is_news = self._backoff.failures <= 2
        if defect is not None:
            say = self._log.error if is_news or sentence != self._last_defect else self._log.debug
            say(DEFECT, exc_info=defect)
            self._last_defect = sentence
        say = self._log.warning if is_news else self._log.debug
        say(sentence, next_attempt=next_attempt)


def _own_name() -> str:
    task = asyncio.current_task()
    return task.get_name() if task else ""


def _defect_in(error: BaseException | None) -> BaseException | None:
    """What of ``error`` is no documented error; of several the first, and None when all are documented."""
    rest = error.split(DiStreamerError)[1] if isinstance(error, BaseExceptionGroup) else error
    return None if rest is None or isinstance(rest, DiStreamerError) else _first_leaf(rest)


def _spoken(error: BaseException | None) -> str:
    """What went wrong, in words."""
    if error is None:
        return "it ended by itself"
    defect = _defect_in(error)
    if defect is None:
        return str(_first_leaf(error))
    said = f": {defect}" if str(defect) else ""
    return f"a defect in DiStreamer ({type(defect).__name__}{said})"


def _first_leaf(error: BaseException) -> BaseException:
    found = error
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
