"""Everything that one listener hears, judged. Pure; time is an argument."""

from __future__ import annotations

from distreamer.demo.hearing import MAXIMUM_TITLES, FrameCheck, Heard, KnownFrames
from distreamer.measure.player import PREBUFFER_SECONDS, SimulatedPlayer
from distreamer.model.audio import Frame


class Judge:
    """Is told what comes, and keeps the score."""

    def __init__(self, known: KnownFrames, prebuffer_seconds: float = PREBUFFER_SECONDS) -> None:
        self._check = FrameCheck(known)
        self._player = SimulatedPlayer(prebuffer_seconds)
        self._titles: list[str] = []
        self._disconnects = 0

    def frame(self, frame: Frame, now: float) -> None:
        """``frame`` came at time ``now``."""
        self._check.heard(frame.data)
        self._player.received(frame.duration / frame.format.clock_rate, now)

    def title(self, text: str) -> None:
        """A title came; it is for what comes behind it."""
        if text not in self._titles[-1:]:
            self._titles.append(text)
            del self._titles[:-MAXIMUM_TITLES]

    def disconnected(self) -> None:
        """A connection ended, or could not be made."""
        self._disconnects += 1

    def heard(self, now: float) -> Heard:
        """What was heard up to now."""
        self._player.advance(now)
        return Heard(
            seconds=self._player.heard_seconds,
            silent_seconds=self._player.silent_seconds,
            stops=self._player.stops,
            missing=self._check.missing,
            repeated=self._check.repeated,
            strange=self._check.strange,
            disconnects=self._disconnects,
            titles=tuple(self._titles),
            is_silent=self._player.is_silent,
        )
