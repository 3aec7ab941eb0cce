"""Events to be told, and what an alert is made with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from unittest.mock import patch

from distreamer.alerts.context import AlertContext
from distreamer.alerts.message import Message, Stage
from distreamer.config.settings import AlertSettings
from distreamer.core.clock import LoopClock
from distreamer.errors import DiStreamerError
from distreamer.model.event import Event, Fact, Severity
from distreamer.runtime.disk_thread import DiskThread
from distreamer.runtime.modules import ALERTS, AlertMode

WALL = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""
_numbers = count(1)


def began(
    kind: str = "link_down", at: float = WALL, severity: Severity = Severity.WARNING, sentence: str = "", **facts: Fact
) -> Event:
    """Something begins."""
    sentence = sentence or f"{kind} began"
    return Event(kind, at, "studio", severity, sentence, "input", facts=facts, number=next(_numbers))


def ended(event: Event, at: float = WALL + 22) -> Event:
    """It ends."""
    kind = event.kind.replace("_down", "_up")
    sentence, lasted = f"{event.kind} ended (after 22 s)", 22.0
    return Event(kind, at, "studio", Severity.INFO, sentence, event.subject, event.kind, lasted, number=next(_numbers))


def told(event: Event, stage: Stage = Stage.PROBLEM) -> Message:
    """A message about it."""
    return Message(stage, event, event.number)


def alert_context(name: str = "alert", wall: float | None = WALL) -> AlertContext:
    """With a real thread, in the running loop."""
    return AlertContext(name, LoopClock(wall), DiskThread(name))


class RingSettings(AlertSettings):
    """Of a made-up alert."""

    mode: str = "Ring"
    volume: int = 1


@dataclass
class Ring:
    """A made-up alert: notes at which second it was told what, and fails as long as it is said to."""

    fault: DiStreamerError | Exception | None = None
    seconds: float = 0.0
    """That each try takes."""
    rung: list[tuple[float, Stage, str]] = field(default_factory=list)
    """When, what stage, and which kind of event."""
    tries: list[float] = field(default_factory=list)
    receiver: str = "ring"
    each: Callable[[Message], None] = lambda message: None

    async def deliver(self, message: Message) -> str:
        loop = asyncio.get_running_loop()
        self.tries.append(round(loop.time(), 3))
        await asyncio.sleep(self.seconds)
        if self.fault is not None:
            raise self.fault
        self.each(message)
        self.rung.append((round(loop.time(), 3), message.stage, message.event.kind))
        return "rang"


@contextmanager
def rings() -> Iterator[list[Ring]]:
    """The table of alerts has the made-up one until the block ends; gives those that were made, in order."""
    made: list[Ring] = []

    def make(settings: RingSettings, context: AlertContext) -> Ring:
        made.append(Ring(receiver=f"ring of {context.name}"))
        return made[-1]

    with patch.dict(ALERTS, {"Ring": AlertMode(RingSettings, make)}):
        yield made
