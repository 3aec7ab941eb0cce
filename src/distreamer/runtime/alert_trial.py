"""Tries whether alerts arrive."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.alerts.context import AlertContext
from distreamer.alerts.message import Message, Stage
from distreamer.alerts.sender import Sender
from distreamer.config.instance import ConfiguredAlert
from distreamer.core.ports import Clock
from distreamer.errors import DiStreamerError
from distreamer.model.event import Event
from distreamer.runtime.disk_thread import DiskThread
from distreamer.runtime.modules import ALERTS
from distreamer.units import spoken_seconds


@dataclass(frozen=True, slots=True)
class AlertTrial:
    """What came of telling one alert a test."""

    name: str
    """``alert``, or with the section's own name: ``alert night``."""
    mode: str
    receiver: str
    """Who was told, without anything secret: ``mail to anna@example.org``."""
    is_delivered: bool
    sentence: str
    """What happened: ``accepted by mail.example:587 in 0.8 s``."""
    seconds: float


async def try_alert(name: str, mode: str, sender: Sender, event: Event, clock: Clock) -> AlertTrial:
    """Tells it ``event``, once."""
    begun = clock.now()
    try:
        said, is_delivered = await sender.deliver(Message(Stage.TEST, event, event.number)), True
    except DiStreamerError as error:
        said, is_delivered = str(error), False
    seconds = clock.now() - begun
    spoken = spoken_seconds(seconds) if seconds >= 0.1 else "less than 0.1 s"
    sentence = f"{said} in {spoken}" if is_delivered else f"{said} (after {spoken})"
    return AlertTrial(name, mode, sender.receiver, is_delivered, sentence, round(seconds, 3))


class AlertToTry:
    """An alert that is made to be tried alone, without an instance. To be made in a running event loop."""

    def __init__(self, alert: ConfiguredAlert, clock: Clock) -> None:
        self._alert = alert
        self._clock = clock
        self._thread = DiskThread(alert.name)
        context = AlertContext(alert.name, clock, self._thread)
        self._sender = ALERTS[alert.settings.mode].make(alert.settings, context)

    @property
    def receiver(self) -> str:
        """Who is told."""
        return self._sender.receiver

    async def deliver(self, event: Event) -> AlertTrial:
        """Tells it ``event``, once."""
        try:
            return await try_alert(self._alert.name, self._alert.settings.mode, self._sender, event, self._clock)
        finally:
            self._thread.stop()
