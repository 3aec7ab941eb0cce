"""The events of one instance: looked for once a second, kept, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from distreamer.core.ports import Clock
from distreamer.model.event import Event
from distreamer.model.status import InstanceStatus
from distreamer.runtime.event_book import EventBook, event_numbers
from distreamer.runtime.event_rows import trial_event
from distreamer.runtime.watch import Watch

LOOK_SECONDS = 1.0


class Events:
    """Made with the instance. ``book`` has those that happened lately."""

    def __init__(self, look: Callable[[], InstanceStatus], clock: Clock, numbers: Iterator[int] | None) -> None:
        """``look`` gives a snapshot; ``numbers`` are for the events of all instances of the process, None when there
        is only this one."""
        self.book = EventBook(event_numbers(clock.wall()) if numbers is None else numbers)
        self._look = look
        self._clock = clock
        self._watch = Watch()

    async def run(self, budget_warn_seconds: Callable[[], float], silence_seconds: Callable[[], float]) -> None:
        """Looks until it is cancelled; ``budget_warn_seconds`` gives BUDGETWARN, ``silence_seconds`` SILENCESECONDS."""
        while True:
            for event in self._watch.look(self._look(), budget_warn_seconds(), silence_seconds()):
                self.book.add(event)
            await asyncio.sleep(LOOK_SECONDS)

    def complete(self, status: InstanceStatus) -> InstanceStatus:
        """``status`` with the problems and the histories of the links."""
        return self._watch.complete(status)

    def ongoing(self) -> list[Event]:
        """Those that began what is the matter now, as far as ``book`` still has them."""
        problems = {(problem.kind, problem.subject) for problem in self._watch.problems}
        found = {(event.kind, event.subject): event for event in self.book.after(0)}
        return [event for key, event in found.items() if key in problems]

    def test(self) -> Event:
        """Adds an event by which somebody tries whether alerts arrive; gives it."""
        return self.book.add(trial_event(self._look().name, self._clock.wall()))
