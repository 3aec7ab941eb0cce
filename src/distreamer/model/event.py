"""What happened to an instance, and what is the matter with it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from distreamer.units import utc_text

Fact = str | int | float | bool | None


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    """Nothing need be done: mostly the end of something else."""
    WARNING = "warning"
    """Nobody hears anything of it yet."""
    ERROR = "error"
    """Listeners hear it, or will soon."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that began or ended."""

    kind: str
    """As docs/reference/events.md lists it: ``link_down``."""
    at: float
    """Unix time at which it was told."""
    instance: str
    severity: Severity
    sentence: str
    """What happened, in plain words."""
    subject: str = ""
    """What of the instance it is about: ``input``, ``output studio 192.0.2.7``; empty when it is the whole."""
    resolves: str = ""
    """The kind of event that ends with this one; empty when something begins."""
    lasted_seconds: float | None = None
    """How long what ended had lasted."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """The numbers behind the sentence."""
    number: int = 0
    """Rises from event to event, over all instances of a process and from one run to the next."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that began and has not ended yet."""

    kind: str
    """Of the event that told of it."""
    severity: Severity
    sentence: str
    """How it is now, in plain words."""
    subject: str
    since: float
    """Unix time at which it began."""


def event_document(event: Event) -> dict[str, Any]:
    """An event as it is written into files and sent: its fields, and its time in both forms."""
    return {"time": utc_text(event.at), **asdict(event)}
