"""The parts of an instance, each a supervised job of its own: one can be ended and another begun while the rest goes
on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from distreamer.config.settings import ModuleSettings
from distreamer.core.backoff import BackoffLimits
from distreamer.core.module import Adopting, Health, InputContext, Module, OutputContext, module_status
from distreamer.model.status import ModuleStatus
from distreamer.runtime.supervisor import Supervisor

END_SECONDS = 5.0
"""For a part to end. A server gives its listeners 2 s of this; what needs longer hangs, and is not waited for."""

ContextT = TypeVar("ContextT", InputContext, OutputContext)


@dataclass(eq=False, slots=True)
class Job:
    """Something that runs until it is ended, supervised."""

    name: str
    run: Callable[[], Coroutine[object, object, None]]
    health: Health
    task: asyncio.Task[None] | None = None
    """Between its begin and its end."""
    limits: BackoffLimits | None = None
    """For the waits between its failures; None for those of modules."""


@dataclass(eq=False, slots=True)
class Part(Generic[ContextT]):
    """An input or output: its module with what was given to it and what is known of it."""

    name: str
    settings: ModuleSettings
    context: ContextT
    module: Module
    job: Job = field(init=False)

    def __post_init__(self) -> None:
        self.job = Job(self.name, self.module.run, self.context.health)

    @property
    def health(self) -> Health:
        return self.context.health

    def status(self) -> ModuleStatus:
        return module_status(self.name, self.settings.mode, self.module, self.health)

    def adopts(self, settings: ModuleSettings) -> bool:
        """Whether its module could take ``settings`` while it runs; then it has."""
        if not isinstance(self.module, Adopting) or not self.module.adopt(settings):
            return False
        self.settings = settings
        return True


class Jobs:
    """All jobs of an instance."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._group: asyncio.TaskGroup | None = None

    async def run(self, jobs: Iterable[Job]) -> None:
        """Begins ``jobs``, and lets others begin and end, until it is cancelled; then it ends all."""
        async with asyncio.TaskGroup() as self._group:
            self.begin(jobs)
            await asyncio.Event().wait()

    def begin(self, jobs: Iterable[Job]) -> None:
        """To be called while ``run`` runs."""
        assert self._group is not None, "the instance does not run"
        for job in jobs:
            supervisor = Supervisor(job.run, job.health, self._log.bind(module=job.name), job.limits)
            job.task = self._group.create_task(supervisor.run(), name=job.name)

    async def end(self, jobs: Iterable[Job]) -> None:
        """Waits until they have ended, for END_SECONDS at the most: the rest of the instance must not wait for a job
        that hangs."""
        tasks: dict[asyncio.Task[None], Job] = {}
        for job in jobs:
            if job.task is not None:
                job.task.cancel()
                tasks[job.task], job.task = job, None
        if not tasks:
            return
        _, hanging = await asyncio.wait(tasks, timeout=END_SECONDS)
        for task in hanging:
            self._log.bind(module=tasks[task].name).error(
                "a defect in DiStreamer: it does not end; what it holds open is free after a restart of the process"
            )
