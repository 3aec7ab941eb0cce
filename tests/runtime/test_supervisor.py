"""The supervisor: nothing that a job does ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
import structlog
from structlog.testing import LogCapture

from distreamer.core.backoff import BackoffLimits
from distreamer.core.clock import LoopClock
from distreamer.core.module import Health
from distreamer.errors import LinkError
from distreamer.model.status import ModuleState
from distreamer.runtime.supervisor import HEALTHY_SECONDS, Supervisor
from tests.support.virtual_time import virtual_time

AT_ONCE = BackoffLimits(first=0.0, maximum=0.0)


class Script:
    """A job that does one thing after another, then waits for ever."""

    def __init__(self, *steps: Callable[[], Coroutine[object, object, None]]) -> None:
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


async def end_cancelled() -> None:
    """As when a library cancels something of its own that the job waits for."""
    waited_for = asyncio.get_running_loop().create_future()
    waited_for.cancel()
    await waited_for


async def end() -> None:
    return


async def supervise(*steps: Callable[[], Coroutine[object, object, None]]) -> tuple[Health, list[str], list[str]]:
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


@virtual_time(600)
async def test_a_job_that_was_healthy_is_tried_at_once_again() -> None:
    health = Health(LoopClock())
    loop = asyncio.get_running_loop()
    begun: list[float] = []

    async def job() -> None:
        begun.append(loop.time())
        if len(begun) == 4:
            health.running("receiving")
            await asyncio.sleep(HEALTHY_SECONDS)
        raise LinkError("studio:7080", "reset")

    log = structlog.wrap_logger(None, processors=[LogCapture()], wrapper_class=structlog.BoundLogger)
    limits = BackoffLimits(first=1.0, factor=2.0)
    task = asyncio.create_task(Supervisor(job, health, log, limits, chance=lambda: 0.5).run())
    await asyncio.sleep(4.5 + HEALTHY_SECONDS)
    task.cancel()
    assert begun == [0, 0, 1, 3, 3 + HEALTHY_SECONDS, 4 + HEALTHY_SECONDS]


async def test_a_job_that_ends_by_itself_runs_again() -> None:
    health, errors, _ = await supervise(end, end)
    assert (health.restarts, errors[0]) == (2, "it ended by itself")


async def test_a_defect_is_reported_with_its_traceback_and_does_not_end_the_supervisor() -> None:
    health, errors, logged = await supervise(raise_defect)
    assert health.restarts == 1
    assert errors[0] == "a defect in DiStreamer (ZeroDivisionError: oops)"
    assert logged[0] == "error: a defect in DiStreamer; please report it"


async def test_a_defect_that_repeats_fills_no_log() -> None:
    _, errors, logged = await supervise(*[raise_defect] * 5)
    assert errors[0] == "a defect in DiStreamer (ZeroDivisionError: oops)"
    assert [line for line in logged if not line.startswith("debug")] == [
        "error: a defect in DiStreamer; please report it",
        "warning: a defect in DiStreamer (ZeroDivisionError: oops)",
        "error: a defect in DiStreamer; please report it",
        "warning: a defect in DiStreamer (ZeroDivisionError: oops)",
    ]


async def test_a_job_that_is_cancelled_from_inside_runs_again() -> None:
    async with asyncio.timeout(60):
        health, errors, _ = await supervise(end_cancelled, end_cancelled)
    assert (health.restarts, errors[0]) == (2, "a defect in DiStreamer (CancelledError)")


async def test_a_job_that_turns_its_cancellation_into_an_error_ends_all_the_same() -> None:
    began = asyncio.Event()

    async def stubborn() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise LinkError("studio:7080", "closing failed")

    log = structlog.wrap_logger(None, processors=[LogCapture()], wrapper_class=structlog.BoundLogger)
    health = Health(LoopClock())
    task = asyncio.create_task(Supervisor(stubborn, health, log, AT_ONCE).run())
    await began.wait()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=60)
    assert done
    assert task.cancelled()
    assert health.state is ModuleState.STOPPED


async def test_a_group_of_errors_is_told_by_its_first() -> None:
    _, errors, _ = await supervise(raise_group)
    assert errors[0] == "studio:7080: reset"


async def test_a_defect_in_a_group_is_named_and_not_the_group() -> None:
    async def raise_mixed_group() -> None:
        raise ExceptionGroup("both", [LinkError("studio:7080", "reset"), ExceptionGroup("in", [KeyError("oops")])])

    _, errors, logged = await supervise(raise_mixed_group)
    assert errors[0] == "a defect in DiStreamer (KeyError: 'oops')"
    assert logged[0] == "error: a defect in DiStreamer; please report it"
