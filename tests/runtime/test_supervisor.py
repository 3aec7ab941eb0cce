"""The supervisor: nothing that a job does ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog
from structlog.testing import LogCapture

from distreamer.core.backoff import BackoffLimits
from distreamer.core.clock import LoopClock
from distreamer.core.module import Health
from distreamer.errors import LinkError
from distreamer.model.status import ModuleState
from distreamer.runtime.supervisor import Supervisor

AT_ONCE = BackoffLimits(first=0.0, maximum=0.0)


class Script:
    """A job that does one thing after another, then waits for ever."""

    def __init__(self, *steps: Callable[[], Awaitable[None]]) -> None:
        self._steps = iter(steps)
        self.finished = asyncio.Event()

    async def run(self) -> None:
        step = next(self._steps, None)
        if step is None:
            self.finished.set()
            await asyncio.Event().wait()
            return
        await step()


async def raise_link_error() -> None:
    raise LinkError("studio:7080", "no byte for 5 s")


async def raise_defect() -> None:
    raise ZeroDivisionError("oops")


async def raise_group() -> None:
    raise ExceptionGroup("both", [LinkError("studio:7080", "reset"), LinkError("studio:7080", "reset too")])


async def end() -> None:
    return


async def supervise(*steps: Callable[[], Awaitable[None]]) -> tuple[Health, list[str], list[str]]:
    """Runs the steps to their end; gives the health, what was logged, and its levels."""
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.BoundLogger)
    health = Health(LoopClock())
    script = Script(*steps)
    task = asyncio.create_task(Supervisor(script.run, health, log, AT_ONCE, chance=lambda: 0.5).run())
    await script.finished.wait()
    errors = [health.last_error, health.state.value]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return health, errors, [f"{entry['log_level']}: {entry['event']}" for entry in capture.entries]


async def test_an_error_is_logged_once_and_the_job_runs_again() -> None:
    health, errors, logged = await supervise(raise_link_error)
    assert errors == ["studio:7080: no byte for 5 s", "retrying"]
    assert logged == ["warning: studio:7080: no byte for 5 s"]
    assert (health.restarts, health.state) == (1, ModuleState.STOPPED)


async def test_an_error_that_repeats_moves_to_the_detailed_log() -> None:
    _, _, logged = await supervise(*[raise_link_error] * 4)
    assert [line.split(":")[0] for line in logged] == ["warning", "warning", "debug", "debug"]


async def test_a_job_that_ends_by_itself_runs_again() -> None:
    health, errors, _ = await supervise(end, end)
    assert (health.restarts, errors[0]) == (2, "it ended by itself")


async def test_a_defect_is_reported_with_its_traceback_and_does_not_end_the_supervisor() -> None:
    health, errors, logged = await supervise(raise_defect)
    assert health.restarts == 1
    assert errors[0] == "a defect in DiStreamer (ZeroDivisionError: oops)"
    assert logged[0] == "error: a defect in DiStreamer; please report it"


async def test_a_group_of_errors_is_told_by_its_first() -> None:
    _, errors, _ = await supervise(raise_group)
    assert errors[0] == "studio:7080: reset"
