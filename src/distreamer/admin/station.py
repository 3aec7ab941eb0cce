"""The instances that an ADMIN shows, as its answers need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from distreamer import __version__
from distreamer.admin.answers import as_json
from distreamer.admin.looks import absent_view, instance_view
from distreamer.admin.metric import Source
from distreamer.admin.problem import ProblemError
from distreamer.admin.streams import streams_of
from distreamer.admin.views import InstanceView, StatusView
from distreamer.core.ports import Clock
from distreamer.model.event import Event
from distreamer.runtime.instance import Instance
from distreamer.runtime.output_side import OutputPart
from distreamer.runtime.reload import Member

FRESH_SECONDS = 0.2
"""A status is made no more often, however many ask for it."""
ABSENT = "it is being started, or a defect in DiStreamer ended it; the log says more"


class Station:
    """Asks the instances; raises ProblemError for what is not there."""

    def __init__(self, members: Callable[[], Sequence[Member]], clock: Clock) -> None:
        self.clock = clock
        self._members = members
        self._made_at = -FRESH_SECONDS
        self._status = b""

    @property
    def instances(self) -> list[Instance]:
        """Those that run."""
        return [member.instance for member in self._members() if member.instance is not None]

    @property
    def names(self) -> list[str]:
        """Of all, those that do not run included."""
        return [member.config.name for member in self._members()]

    def sources(self) -> list[Source]:
        """What is measured of those that run."""
        return [Source(instance.snapshot(), instance.events.book.counts) for instance in self.instances]

    def absent(self) -> list[str]:
        """The names of those that do not run."""
        return [member.config.name for member in self._members() if member.instance is None]

    def views(self) -> tuple[InstanceView, ...]:
        """Of all."""
        return tuple(
            absent_view(member.config.name, ABSENT) if member.instance is None else view_of(member.instance)
            for member in self._members()
        )

    def status(self) -> bytes:
        """The whole status as JSON, shared by all who ask for it at about the same time."""
        now = self.clock.now()
        if now - self._made_at >= FRESH_SECONDS:
            self._status = as_json(StatusView(self.clock.wall(), __version__, self.views()))
            self._made_at = now
        return self._status

    def instance(self, name: str) -> Instance:
        """The one of that name."""
        for member in self._members():
            if member.config.name == name:
                if member.instance is None:
                    raise ProblemError(503, f"The instance does not run: {ABSENT}.")
                return member.instance
        raise ProblemError(404, "There is no instance of that name.")

    def output(self, instance: str, name: str) -> OutputPart:
        """The one of that name."""
        found = next((part for part in self.instance(instance).outputs if part.name == name), None)
        if found is None:
            raise ProblemError(404, "There is no output of that name.")
        return found

    def events(self, after: int, limit: int, instance: str = "") -> list[Event]:
        """The last ``limit`` of those that came after the event of that number, the oldest first; of all instances, or
        of one."""
        asked = [self.instance(instance)] if instance else self.instances
        found = [event for one in asked for event in one.events.book.after(after)]
        return sorted(found, key=lambda event: event.number)[-limit:]


def view_of(instance: Instance) -> InstanceView:
    """How it is now."""
    return instance_view(instance.snapshot(), streams_of(instance))
