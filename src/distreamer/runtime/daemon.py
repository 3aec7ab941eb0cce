"""Runs the instances of one process side by side until a signal ends them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from distreamer.config.instance import InstanceConfig
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import instance_logger, route_library_logs

END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(configs: Sequence[InstanceConfig]) -> int:
    """Runs one instance for each config until SIGTERM or SIGINT; gives the exit code."""
    loggers = [instance_logger(config) for config in configs]
    undo = route_library_logs(configs[0], loggers[0])
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_run_all(configs, loggers))
    finally:
        undo()


async def _run_all(configs: Sequence[InstanceConfig], loggers: Sequence[FilteringBoundLogger]) -> int:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in END_SIGNALS:
        loop.add_signal_handler(number, end.set)
    tasks = [
        asyncio.create_task(_run_one(config, log), name=config.name)
        for config, log in zip(configs, loggers, strict=True)
    ]
    ended = asyncio.create_task(end.wait(), name="end signal")
    try:
        # An instance ends only by a defect of its own; the others play on, and with none left there is nothing to do.
        pending: set[asyncio.Task[None]] = set(tasks)
        while pending and not end.is_set():
            await asyncio.wait({*pending, ended}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
        return 0 if end.is_set() else 1
    finally:
        for task in (*tasks, ended):
            task.cancel()
        await asyncio.gather(*tasks, ended, return_exceptions=True)
        # A name look-up that hangs cannot be cancelled, and its thread is waited for: a second signal ends that.
        for number in END_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)


async def _run_one(config: InstanceConfig, log: FilteringBoundLogger) -> None:
    log.info("starting", config=str(config.path or "environment"))
    try:
        await Instance(config, log).run()
    except asyncio.CancelledError:
        log.info("stopped")
        raise
    except Exception as error:
        log.critical("a defect in DiStreamer ended this instance; please report it", exc_info=error)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's when it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
