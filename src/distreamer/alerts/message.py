"""What is told: an event in the forms that receivers want. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from distreamer.config.wording import printable
from distreamer.model.event import Event, event_document

LONGEST_VALUE = 2000
"""Characters of an environment variable; sentences are far shorter."""


class Stage(StrEnum):
    """Why something is told."""

    PROBLEM = "problem"
    """Something began."""
    RESOLVED = "resolved"
    """What was told has ended."""
    FLAPPING = "flapping"
    """Something began that has come too often within an hour: no more is told of it until it is better."""
    TEST = "test"
    """Somebody tries whether it arrives."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that is told to one receiver."""

    stage: Stage
    event: Event
    """What began, or the event that ended it."""
    problem: int
    """The number of the event that began: what belongs together has the same."""
    times: int = 1
    """How often it began; more than once where it came too often to be told each time."""

    @property
    def title(self) -> str:
        """One line: ``[problem] studio: the link to 192.0.2.7 is down``."""
        word = Stage.PROBLEM if self.stage is Stage.FLAPPING else self.stage
        return f"[{word.value}] {printable(self.event.instance)}: {printable(self.event.sentence)}{self._how_often()}"

    @property
    def text(self) -> str:
        """One line with the time: for chats and telephones."""
        return f"{self.title} ({local_text(self.event.at)})"

    @property
    def letter(self) -> str:
        """Several lines: for mail."""
        event = self.event
        rows = {
            "When": local_text(event.at),
            "Instance": event.instance,
            "What": f"{event.kind} ({event.severity.value})",
            "Where": event.subject,
            "Event": str(event.number),
        }
        rows |= {f"  {name}": str(fact) for name, fact in event.facts.items() if fact is not None}
        lines = [f"{printable(name)}: {printable(value)}" for name, value in rows.items() if value]
        return "\n".join([f"{printable(event.sentence)}{self._how_often()}.", "", *lines, ""])

    def document(self) -> dict[str, object]:
        """For programs: the event as in EVENTLOG, and what is said about it."""
        return {
            "state": self.stage.value,
            "title": self.title,
            "text": self.text,
            "problem": self.problem,
            "times": self.times,
            **event_document(self.event),
        }

    def as_json(self) -> bytes:
        """The document in one line. (In ASCII: a source's text need not be text.)"""
        return json.dumps(self.document(), allow_nan=False).encode()

    def variables(self) -> Mapping[str, str]:
        """The document as environment variables; facts are only in the JSON."""
        found = {name: value for name, value in self.document().items() if name != "facts"}
        return {
            f"DISTREAMER_EVENT_{name.upper()}": printable("" if value is None else str(value))[:LONGEST_VALUE]
            for name, value in found.items()
        }

    def _how_often(self) -> str:
        match self.stage:
            case Stage.FLAPPING:
                return (
                    f"; it began {self.times} times within an hour, so how it comes and goes is not told any more "
                    "until that hour is over and it is better"
                )
            case Stage.RESOLVED if self.times > 1:
                return f"; it had come {self.times} times"
            case _:
                return ""


def local_text(at: float) -> str:
    """A Unix time as the clock on this machine's wall shows it: ``2026-11-23 13:00:00 +0100``."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
