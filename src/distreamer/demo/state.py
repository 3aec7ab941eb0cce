"""The demo at one moment, in the terms of its page and its terminal. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from distreamer.demo.hearing import Heard
from distreamer.model.status import PlayoutState
from distreamer.units import spoken_seconds

CROSSED_SECONDS = 3.0
"""When PC A holds no more than this that PC B lacks, everything has crossed the link: a fragment is being gathered
and another is on its way."""


@dataclass(frozen=True, slots=True)
class DemoState:
    """All durations are seconds."""

    station: str = ""
    studio_title: str = ""
    """What PC A receives now."""
    studio_problem: str = ""
    """Why PC A receives nothing, in words; empty while it does."""
    kept_seconds: float = 0.0
    """What PC A holds."""
    waiting_seconds: float = 0.0
    """What PC A holds and PC B does not."""
    link_is_cut: bool = False
    planned_cut_seconds: float = 0.0
    """How long the present cut is to last in all."""
    remaining_cut_seconds: float = 0.0
    link_is_connected: bool = False
    """Whether the two PCs are talking. When the link is cut they notice it a little later."""
    buffer_seconds: float = 0.0
    """How long PC B can go on playing if nothing arrives."""
    delay_seconds: float = 0.0
    """What that should be."""
    playout: PlayoutState = PlayoutState.WAITING
    behind_seconds: float | None = None
    """How far the listeners are behind the studio."""
    heard_title: str = ""
    listeners: int = 0
    """The demo's own listener included."""
    heard: Heard = field(default_factory=Heard)

    @property
    def sentence(self) -> str:
        """What matters most now, for everyone to understand."""
        if self.playout is PlayoutState.WAITING:
            why = f": {self.studio_problem}" if self.studio_problem else ""
            return f"PC B gathers its buffer{why or '.'}"
        left = spoken_seconds(round(self.buffer_seconds))
        if self.playout is PlayoutState.DRY:
            until = "until the link is back" if self.link_is_cut else "until enough has arrived"
            return f"The buffer of PC B is used up: listeners hear silence {until}."
        if self.link_is_cut:
            return f"The link is cut, and PC B plays on: its buffer lasts for {left} more."
        if self.studio_problem:
            return f"The studio is silent, and PC B plays on for {left} more: {self.studio_problem}"
        if self.waiting_seconds > CROSSED_SECONDS:
            return "The link is back, and PC B catches up."
        return f"PC B can lose the link for {left} before anyone hears it."

    def as_json(self) -> dict[str, object]:
        """For the page."""
        return {**asdict(self), "sentence": self.sentence, "heard_sentence": f"{self.heard.sentence}."}
