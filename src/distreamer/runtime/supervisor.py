"""The only retry loop: runs a job, and runs it again, for ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from distreamer.core.backoff import Backoff, BackoffLimits
from distreamer.core.module import Health
from distreamer.errors import DiStreamerError
from distreamer.model.status import ModuleState
from distreamer.units import spoken_seconds

HEALTHY_SECONDS = 10.0
"""A module that did its job for so long is tried at once again when it fails."""


class Supervisor:
    """Keeps one job running until it is cancelled. Nothing that the job raises ends it."""

    def __init__(
        self,
        job: Callable[[], Awaitable[None]],
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

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                error = await self._run_once()
                if self._health.state is ModuleState.RUNNING and self._health.state_seconds >= HEALTHY_SECONDS:
                    self._backoff.reset()
                self._health.retrying(error)
                delay = self._backoff.next_delay(self._chance())
                # A failure that goes on is said twice, then only in the detailed log; the status line has it anyway.
                say = self._log.warning if self._backoff.failures <= 2 else self._log.debug
                say(error, next_attempt="at once" if delay == 0 else f"in {spoken_seconds(delay)}")
                await asyncio.sleep(delay)
        finally:
            self._health.stopped()

    async def _run_once(self) -> str:
        """Runs the job until it ends; gives what went wrong, in words."""
        try:
            await self._job()
        except DiStreamerError as error:
            return str(error)
        except ExceptionGroup as group:
            return self._grouped(group)
        except Exception as error:  # noqa: BLE001 - a defect in one module must not end the others' audio
            return self._defect(error)
        return "it ended by itself"

    def _grouped(self, group: ExceptionGroup[Exception]) -> str:
        known, unknown = group.split(DiStreamerError)
        if unknown is not None:
            return self._defect(unknown)
        return str(_first_leaf(known)) if known else "it ended by itself"

    def _defect(self, error: Exception) -> str:
        self._log.error("a defect in DiStreamer; please report it", exc_info=error)
        return f"a defect in DiStreamer ({type(error).__name__}: {error})"


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
