"""What a sender is made with, beside its settings."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.alerts.sender import OwnThread
from distreamer.core.ports import Clock


@dataclass(frozen=True, slots=True)
class AlertContext:
    """Of one alert."""

    name: str
    """``alert``, ``alert night``."""
    clock: Clock
    thread: OwnThread
