"""What a strict listener notices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What it is."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    GAP = "gap"
    """Audio is missing."""
    REPEAT = "repeat"
    """Audio came twice."""
    DAMAGE = "damage"
    """Bytes that are no audio."""
    UNDERRUN = "underrun"
    """The player had nothing to play."""
    FORMAT = "format"
    """The format is another one, or not what the server says."""
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them."""

    at_seconds: float
    """Since listening began."""
    kind: Kind
    text: str
    """A sentence without its full stop."""
    is_wrong: bool
    seconds: float | None = None
    """How long it lasted, or how much audio it concerns; None where that says nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a listener heard in all."""

    seconds: float
    """Since listening began."""
    heard_seconds: float
    silent_seconds: float
    """In which the player had nothing to play."""
    disconnects: int
    gaps: int
    repeats: int
    damages: int
    underruns: int
    wrong_formats: int
    title_changes: int
    is_fine: bool
    """Whether something was heard, and nothing was wrong."""
    unkept_findings: int
    """That were told, and are not kept."""

    @property
    def sentence(self) -> str:
        """In words, without the full stop."""
        if self.is_fine:
            return "nothing was wrong"
        counts = (
            _counted(self.gaps, "gap"),
            _counted(self.repeats, "repeat"),
            _counted(self.damages, "damaged place"),
            _counted(self.underruns, "underrun"),
            _counted(self.disconnects, "disconnect"),
            _counted(self.wrong_formats, "wrong format"),
        )
        wrong = ", ".join(text for text in counts if text)
        return wrong or "there was not enough to begin to play"


def _counted(count: int, what: str) -> str:
    return "" if not count else f"{count} {what}" if count == 1 else f"{count} {what}s"
