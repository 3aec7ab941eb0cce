"""Runs the instances of one process side by side until a signal ends them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.config.instance import InstanceConfig
from distreamer.core.clock import LoopClock
from distreamer.core.event_loop import loop_factory
from distreamer.core.module import Health
from distreamer.runtime.heartbeat import keep_heartbeat
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import instance_logger, route_library_logs
from distreamer.runtime.overview import Overview
from distreamer.runtime.service_manager import ServiceManager, keep_watchdog, service_manager, tell_state
from distreamer.runtime.supervisor import Supervisor

END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(
    configs: Sequence[InstanceConfig], heartbeat: Path | None = None, environ: Mapping[str, str] = os.environ
) -> int:
    """Runs one instance for each config until SIGTERM or SIGINT; gives the exit code.

    ``heartbeat`` is a file for health checks; the service manager's variables are in ``environ``.
    """
    loggers = [instance_logger(config) for config in configs]
    undo = route_library_logs(configs[0], loggers[0])
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_run_all(configs, loggers, heartbeat, service_manager(environ)))
    finally:
        undo()


async def _run_all(
    configs: Sequence[InstanceConfig],
    loggers: Sequence[FilteringBoundLogger],
    heartbeat: Path | None,
    manager: ServiceManager | None,
) -> int:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in END_SIGNALS:
        loop.add_signal_handler(number, end.set)
    overview = Overview([config.name for config in configs])
    tasks = [
        asyncio.create_task(_run_one(config, log, overview), name=config.name)
        for config, log in zip(configs, loggers, strict=True)
    ]
    reports = _start_reports(overview, heartbeat, manager, loggers[0])
    ended = asyncio.create_task(end.wait(), name="end signal")
    try:
        # An instance ends only by a defect of its own; the others play on, and with none left there is nothing to do.
        pending: set[asyncio.Task[None]] = set(tasks)
        while pending and not end.is_set():
            await asyncio.wait({*pending, ended}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
        return 0 if end.is_set() else 1
    finally:
        if manager is not None:
            manager.tell("STOPPING=1")
        for task in (*tasks, *reports, ended):
            task.cancel()
        await asyncio.gather(*tasks, *reports, ended, return_exceptions=True)
        # A name look-up that hangs cannot be cancelled, and its thread is waited for: a second signal ends that.
        for number in END_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)


def _start_reports(
    overview: Overview, heartbeat: Path | None, manager: ServiceManager | None, log: FilteringBoundLogger
) -> list[asyncio.Task[None]]:
    """Whoever watches over the process is told of it. What fails there is retried, and disturbs no instance; there is
    one such place in a process, so the first instance's logger has it."""
    clock = LoopClock()
    jobs: dict[str, Callable[[], Coroutine[object, object, None]]] = {}
    if heartbeat is not None:
        jobs["heartbeat"] = partial(keep_heartbeat, heartbeat, overview.sentences, clock.wall)
    if manager is not None:
        jobs["service manager"] = partial(tell_state, manager.tell, overview)
        if manager.watchdog_seconds is not None:
            jobs["watchdog"] = partial(keep_watchdog, manager.tell, manager.watchdog_seconds)
    return [
        asyncio.create_task(Supervisor(job, Health(clock), log.bind(module=name)).run(), name=name)
        for name, job in jobs.items()
    ]


async def _run_one(config: InstanceConfig, log: FilteringBoundLogger, overview: Overview) -> None:
    log.info("starting", config=str(config.path or "environment"))
    try:
        instance = Instance(config, log)
        overview.made(config.name, instance)
        await instance.run()
    except asyncio.CancelledError:
        log.info("stopped")
        raise
    except Exception as error:
        log.critical("a defect in DiStreamer ended this instance; please report it", exc_info=error)
        overview.ended(config.name)
