"""Runs the instances of one process side by side until a signal ends them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

from distreamer.config.instance import Load
from distreamer.core.backoff import BackoffLimits
from distreamer.core.clock import LoopClock
from distreamer.core.ending import END_SIGNALS, end_at_last
from distreamer.core.event_loop import loop_factory
from distreamer.core.held_memory import hold_memory
from distreamer.core.module import Health
from distreamer.runtime.event_book import event_numbers
from distreamer.runtime.hang_ups import HangUps
from distreamer.runtime.heartbeat import keep_heartbeat
from distreamer.runtime.instance import Instance
from distreamer.runtime.level_program import LevelProgram, Meter
from distreamer.runtime.log_sinks import RawStream, Stream
from distreamer.runtime.log_thread import LogThreads
from distreamer.runtime.logging import InstanceLog, route_library_logs
from distreamer.runtime.overview import Overview
from distreamer.runtime.reload import Member, Reload
from distreamer.runtime.service_manager import StateTeller, keep_watchdog, service_manager
from distreamer.runtime.supervisor import Supervisor

END_SECONDS = 10.0
"""For everything to end. Parts that hang are not waited for so long (``part.END_SECONDS``), nor is a disk."""
METER_BACKOFF = BackoffLimits(first=5.0, factor=2.0, maximum=600.0)
"""A decoder that crashes again and again must not take the time of everything else: it takes long to begin."""


class Operator(Protocol):
    """What shows the instances to the operator, and takes commands."""

    async def run(self) -> None:
        """Until it is cancelled."""
        ...

    def changed(self) -> None:
        """The members have other configurations."""
        ...


MakeOperator = Callable[[Sequence[Member]], Operator]
Jobs = dict[str, Callable[[], Coroutine[object, object, None]]]


def run(
    load: Load,
    hang_ups: HangUps,
    heartbeat: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    make_operator: MakeOperator | None = None,
) -> int:
    """Runs the instances that ``load`` gives until SIGTERM or SIGINT; gives the exit code. SIGHUP has it called again.

    ``heartbeat`` is a file for health checks; the service manager's variables are in ``environ``; ``make_operator``
    is called in the event loop. Raises ConfigError when the first ``load`` does.
    """
    with LogThreads() as threads:
        members = [Member(config, InstanceLog(config, _standard_error(), threads=threads)) for config in load()]
        if hold_memory():
            members[0].log.logger.debug("the program stays in memory, whatever becomes of its disk")
        with _Routing(members) as routing, asyncio.Runner(loop_factory=loop_factory()) as runner:
            code = runner.run(_run_all(load, members, routing, hang_ups, heartbeat, environ, make_operator))
            end_at_last(code)
            return code


def _standard_error() -> Stream:
    try:
        return RawStream(sys.stderr.fileno(), sys.stderr.encoding)
    except (AttributeError, OSError, ValueError):  # none, or one that is no file
        return sys.stderr


class _Routing(ExitStack):
    """Sends what libraries log to the first instance's log."""

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__()
        self._first = members[0]
        self.renew()

    def renew(self) -> None:
        """As the first instance's configuration says now."""
        self.close()
        self.callback(route_library_logs(self._first.config, self._first.log.logger))


async def _run_all(
    load: Load,
    members: Sequence[Member],
    routing: _Routing,
    hang_ups: HangUps,
    heartbeat: Path | None,
    environ: Mapping[str, str],
    make_operator: MakeOperator | None,
) -> int:
    overview = Overview([member.config.name for member in members])
    manager = service_manager(environ)
    jobs: Jobs = {}
    teller: StateTeller | None = None
    if heartbeat is not None:
        jobs["heartbeat"] = partial(keep_heartbeat, heartbeat, overview.sentences, LoopClock().wall)
    if manager is not None:
        teller = StateTeller(manager.tell, overview)
        jobs["service manager"] = teller.run
        if manager.watchdog_seconds is not None:
            jobs["watchdog"] = partial(keep_watchdog, manager.tell, manager.watchdog_seconds)

    operator = make_operator(members) if make_operator is not None else None
    if operator is not None:
        jobs["admin"] = operator.run

    def changed() -> None:
        routing.renew()
        if operator is not None:
            operator.changed()
        overview.renamed([member.config.name for member in members])

    reload = Reload(load, members, teller, changed)
    jobs["configuration"] = reload.run
    end = _catch_signals(hang_ups, reload)
    numbers = event_numbers(LoopClock().wall())
    meter, meter_task = _start_meter(members[0])
    tasks = [
        asyncio.create_task(_run_one(member, overview, numbers, meter), name=member.config.name) for member in members
    ]
    others = [*_start(jobs, members[0]), meter_task]
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
        for task in (*tasks, *others, ended):
            task.cancel()
        # What does not end must not keep a second signal from ending it.
        await asyncio.wait({*tasks, *others, ended}, timeout=END_SECONDS)
        _release_signals()
        await asyncio.gather(*tasks, *others, ended, return_exceptions=True)


def _catch_signals(hang_ups: HangUps, reload: Reload) -> asyncio.Event:
    """Set when the process is to end."""
    end, loop = asyncio.Event(), asyncio.get_running_loop()

    def hung_up() -> None:
        if hang_ups.terminal_is_gone:
            end.set()
        else:
            reload.ask()

    for number in END_SIGNALS:
        loop.add_signal_handler(number, end.set)
    loop.add_signal_handler(signal.SIGHUP, hung_up)
    if hang_ups.came:
        hung_up()
    return end


def _release_signals() -> None:
    """A name look-up that hangs cannot be cancelled, and its thread is waited for: a second signal ends that."""
    loop = asyncio.get_running_loop()
    for number in (*END_SIGNALS, signal.SIGHUP):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN if number is signal.SIGHUP else signal.SIG_DFL)


def _start(jobs: Jobs, first: Member) -> list[asyncio.Task[None]]:
    """What belongs to no instance. What fails there is retried, and disturbs none; there is one such place in a
    process, so the first instance's logger has it."""
    clock = LoopClock()
    return [
        asyncio.create_task(Supervisor(job, Health(clock), first.log.logger.bind(module=name)).run(), name=name)
        for name, job in jobs.items()
    ]


def _start_meter(first: Member) -> tuple[Meter, asyncio.Task[None]]:
    """One for all instances."""
    health, log = Health(LoopClock()), first.log.logger.bind(module="levels")
    program = LevelProgram(health, log)
    supervisor = Supervisor(program.run, health, log, METER_BACKOFF)
    return program, asyncio.create_task(supervisor.run(), name="levels")


async def _run_one(member: Member, overview: Overview, numbers: Iterator[int], meter: Meter) -> None:
    log = member.log.logger
    log.info("starting", config=str(member.config.path or "environment"))
    try:
        member.instance = Instance(member.config, log, numbers=numbers, meter=meter)
        member.instance.events.book.subscribe(member.log.events.write)
        overview.made(member.config.name, member.instance)
        await member.instance.run()
    except asyncio.CancelledError:
        log.info("stopped")
        raise
    except Exception as error:
        log.critical("a defect in DiStreamer ended this instance; please report it", exc_info=error)
        member.instance = None
        overview.ended(member.config.name)
