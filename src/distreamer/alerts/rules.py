"""What of all that happens is told to one receiver, and when: hold-off, ends, what comes too often. Pure."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from distreamer.alerts.message import Message, Stage
from distreamer.config.event_choice import event_patterns, is_chosen
from distreamer.config.settings import AlertSettings
from distreamer.model.event import Event, Severity

HOUR_SECONDS = 3600.0
MOST_PROBLEMS = 200
"""At a time; an instance does not watch more."""
Key = tuple[str, str]
"""Kind and subject."""


@dataclass(eq=False, slots=True)
class _Case:
    """A problem that began and was not finished with."""

    event: Event
    """That began last."""
    problem: int
    """The number of the event that began first."""
    due_at: float
    """When it is told, unless it is over."""
    times: int = 1
    """How often it began."""
    is_told: bool = False
    is_flapping: bool = False
    ended: Event | None = None
    """Of a flapping one: the event that ended it last, when it has not begun again."""


@dataclass(eq=False, slots=True)
class AlertRules:
    """Of one alert. Times are seconds of any clock that only goes forward."""

    settings: AlertSettings
    held_back: int = 0
    """Problems that were not told."""
    _cases: dict[Key, _Case] = field(default_factory=dict)
    _told: dict[Key, deque[float]] = field(default_factory=dict)
    """When each problem was told within the last hour."""

    def note(self, event: Event, now: float) -> list[Message]:
        """Takes an event; gives what is told at once."""
        messages = self.due(now)
        if event.resolves:
            messages += self._end(event)
        elif self._is_wanted(event):
            self._begin(event, now)
        return messages + self.due(now)

    def due(self, now: float) -> list[Message]:
        """What is told now, because it has lasted."""
        messages: list[Message] = []
        for key, case in tuple(self._cases.items()):
            if not case.is_told and now >= case.due_at:
                messages.append(self._tell(key, case, now))
            elif case.is_told and case.ended is not None and self._told_lately(key, now) < self.settings.mostperhour:
                del self._cases[key]
                if self.settings.resolved:
                    messages.append(Message(Stage.RESOLVED, case.ended, case.problem, case.times))
        for key in tuple(self._told):
            if not self._told_lately(key, now):
                del self._told[key]
        return messages

    def next_due(self) -> float | None:
        """When ``due`` is to be asked next; None while nothing will be told by itself."""
        moments: list[float] = []
        for key, case in self._cases.items():
            if not case.is_told:
                moments.append(case.due_at)
            elif case.ended is not None:
                moments.append(self._told[key][-self.settings.mostperhour] + HOUR_SECONDS)
        soonest = min(moments, default=math.inf)
        return soonest if math.isfinite(soonest) else None

    def was_not_told(self, problem: int) -> None:
        """The message that the problem of that number began was lost: its end is not told either."""
        for key, case in tuple(self._cases.items()):
            if case.problem == problem and case.ended is not None:
                del self._cases[key]
            elif case.problem == problem:
                case.is_told, case.due_at = False, math.inf

    def _is_wanted(self, event: Event) -> bool:
        if event.severity is Severity.INFO or (self.settings.severity == "error" and event.severity != Severity.ERROR):
            return False
        return is_chosen(event.kind, event_patterns(self.settings.events))

    def _begin(self, event: Event, now: float) -> None:
        key = (event.kind, event.subject)
        case = self._cases.get(key)
        if case is not None and case.is_flapping:
            self.held_back += 1
            case.event, case.ended, case.times = event, None, case.times + 1
        elif case is None and len(self._cases) < MOST_PROBLEMS:
            self._cases[key] = _Case(event, event.number, now + self.settings.hold)

    def _end(self, event: Event) -> list[Message]:
        key = (event.resolves, event.subject)
        case = self._cases.get(key)
        if case is None:
            return []
        if case.is_flapping and case.is_told:
            case.ended = event
            return []
        del self._cases[key]
        if not case.is_told:
            self.held_back += math.isfinite(case.due_at)
            return []
        return [Message(Stage.RESOLVED, event, case.problem)] if self.settings.resolved else []

    def _tell(self, key: Key, case: _Case, now: float) -> Message:
        lately = self._told_lately(key, now)
        case.is_told = True
        if lately >= self.settings.mostperhour:
            case.is_flapping = True
            case.times = lately + 1
            return Message(Stage.FLAPPING, case.event, case.problem, case.times)
        self._told.setdefault(key, deque(maxlen=self.settings.mostperhour)).append(now)
        return Message(Stage.PROBLEM, case.event, case.problem)

    def _told_lately(self, key: Key, now: float) -> int:
        told = self._told.get(key, ())
        return sum(now < moment + HOUR_SECONDS for moment in told)
