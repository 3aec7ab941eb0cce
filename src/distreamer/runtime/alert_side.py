"""The alerts of an instance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from distreamer.alerts.context import AlertContext
from distreamer.alerts.delivery import BACKOFF, Delivery
from distreamer.alerts.sender import Sender
from distreamer.config.differences import changed_fields, keys_of, section_title
from distreamer.config.instance import ConfiguredAlert
from distreamer.config.settings import AlertSettings
from distreamer.core.module import Health
from distreamer.core.ports import Clock
from distreamer.model.event import Event
from distreamer.model.status import AlertStatus
from distreamer.runtime.alert_trial import AlertTrial, try_alert
from distreamer.runtime.disk_thread import DiskThread
from distreamer.runtime.modules import ALERTS
from distreamer.runtime.part import Job, Jobs


@dataclass(eq=False, slots=True)
class AlertPart:
    """One [ALERT]."""

    name: str
    settings: AlertSettings
    sender: Sender
    delivery: Delivery
    job: Job
    thread: DiskThread


@dataclass(frozen=True, slots=True)
class AlertsChange:
    """Made by ``AlertSide.prepare``, put in force by ``AlertSide.commit``."""

    parts: list[AlertPart]
    """All that there will be: those that go on, and new ones."""


class AlertSide:
    """Made without alerts; the first are prepared like all later ones. Nothing that plays waits for any of it."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._trying = asyncio.Lock()
        self.parts: list[AlertPart] = []

    def note(self, event: Event) -> None:
        """Something happened; never raises, never waits."""
        for part in self.parts:
            part.delivery.note(event)

    def statuses(self) -> tuple[AlertStatus, ...]:
        """In the order of the file."""
        return tuple(part.delivery.status() for part in self.parts)

    def jobs(self) -> list[Job]:
        return [part.job for part in self.parts]

    async def test(self, event: Event) -> list[AlertTrial]:
        """Tells all of them ``event`` at once, past all that waits, and gives what happened. One such test runs after
        the other."""
        async with self._trying:
            return await asyncio.gather(
                *(try_alert(part.name, part.settings.mode, part.sender, event, self._clock) for part in self.parts)
            )

    def prepare(self, alerts: Sequence[ConfiguredAlert]) -> AlertsChange:
        """Makes what is needed for ``alerts``; what has not changed goes on. Raises nothing."""
        known = {part.name: part for part in self.parts}
        return AlertsChange([self._part(known.get(name), name, settings) for name, settings in alerts])

    def install(self, change: AlertsChange) -> None:
        """The first alerts, before anything runs."""
        self.parts = change.parts

    async def commit(self, change: AlertsChange, jobs: Jobs, ongoing: Iterable[Event]) -> list[str]:
        """Ends what is not needed any more and begins what is new, which is told of what is ``ongoing``; gives what
        happened, in words."""
        before = {part.name: part for part in self.parts}
        self.install(change)
        ending = [part for part in before.values() if part not in change.parts]
        new = [part for part in change.parts if part not in before.values()]
        for part in new:  # Before anything is waited for: what ends meanwhile must not be told to go on.
            for event in ongoing:
                part.delivery.note(event)
        await jobs.end(part.job for part in ending)
        for part in ending:
            part.thread.stop()
        jobs.begin(part.job for part in new)
        names = {part.name for part in change.parts}
        return [_words(before.get(part.name), part) for part in new] + [
            f"{section_title(name)} was removed" for name in before if name not in names
        ]

    def end(self) -> None:
        """Everything ends."""
        for part in self.parts:
            part.thread.stop()

    def _part(self, before: AlertPart | None, name: str, settings: AlertSettings) -> AlertPart:
        if before is not None and not changed_fields(before.settings, settings):
            return before
        log, health, thread = self._log.bind(module=name), Health(self._clock), DiskThread(name)
        sender = ALERTS[settings.mode].make(settings, AlertContext(name, self._clock, thread))
        delivery = Delivery(name, settings, sender, self._clock, log, health)
        return AlertPart(name, settings, sender, delivery, Job(name, delivery.run, health, limits=BACKOFF), thread)


def _words(before: AlertPart | None, part: AlertPart) -> str:
    title = section_title(part.name)
    if before is None:
        return f"{title} was added"
    keys = keys_of(part.settings, changed_fields(before.settings, part.settings))
    return f"{title} was restarted ({', '.join(keys)})"
