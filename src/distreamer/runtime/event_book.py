"""The last events of an instance."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from distreamer.model.event import Event

MOST_EVENTS = 500


def event_numbers(wall: float) -> Iterator[int]:
    """Numbers for the events of a process that was started at Unix time ``wall``: higher than those of earlier runs."""
    return count(int(wall * 1000))


class EventBook:
    """Bounded: the oldest events are dropped, and counted."""

    def __init__(self, numbers: Iterator[int]) -> None:
        """``numbers`` are those of all instances of the process."""
        self.dropped = 0
        self.counts: dict[str, int] = {}
        """How many there were of each kind, since the start."""
        self._numbers = numbers
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._watchers: list[Callable[[Event], None]] = []

    def add(self, event: Event) -> Event:
        """Keeps ``event`` under a number of its own, and tells the watchers; gives it with its number."""
        event = replace(event, number=next(self._numbers))
        self.dropped += len(self._events) == MOST_EVENTS
        self.counts[event.kind] = self.counts.get(event.kind, 0) + 1
        self._events.append(event)
        for watcher in tuple(self._watchers):
            watcher(event)
        return event

    def after(self, number: int) -> list[Event]:
        """Those that came after the event of that number, the oldest first."""
        if not self._events or self._events[-1].number <= number:
            return []
        return [event for event in self._events if event.number > number]

    def subscribe(self, watcher: Callable[[Event], None]) -> Callable[[], None]:
        """Calls ``watcher`` with each new event; gives what ends that. It must not raise."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)
