"""The judge of the gauntlet: beside silence and frames it looks at titles, filler and latency. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.gauntlet.programme import FRAME_SECONDS, is_silence
from distreamer.demo.hearing import KnownFrames
from distreamer.demo.judge import Judge
from distreamer.model.audio import Frame

LATENCY_FRAMES = 400
"""Latency is that of so many newest frames: 10 s."""
NEAR_FRAMES = 80
"""A title that belongs to a frame so near (2 s) is not a wrong one, but early or late."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a listener of the gauntlet heard; differences of two scores are what came between."""

    silent_seconds: float = 0.0
    """Nothing to play, or filler."""
    stops: int = 0
    """How often silence began."""
    missing: int = 0
    repeated: int = 0
    damaged: int = 0
    """Frames that are neither the programme's nor silence."""
    disconnects: int = 0
    wrong_titles: int = 0

    def since(self, before: Score) -> Score:
        """What was heard after ``before``."""
        return Score(
            self.silent_seconds - before.silent_seconds,
            self.stops - before.stops,
            self.missing - before.missing,
            self.repeated - before.repeated,
            self.damaged - before.damaged,
            self.disconnects - before.disconnects,
            self.wrong_titles - before.wrong_titles,
        )


class StrictJudge(Judge):
    """``on_air`` is when a frame of the programme was, ``title_of`` its title."""

    def __init__(
        self,
        known: KnownFrames,
        prebuffer_seconds: float,
        on_air: Callable[[int], float],
        title_of: Callable[[int], str],
    ) -> None:
        super().__init__(known, prebuffer_seconds)
        self.longest_wrong_title_seconds = 0.0
        """The most that was played at once under a title that was not its own."""
        self._known = known
        self._on_air = on_air
        self._title_of = title_of
        self._filler_seconds = 0.0
        self._fillers = 0
        """Stretches of filler."""
        self._hears_filler = False
        self._is_connected = False
        self._wrong_titles = 0
        self._shown: str | None = None
        self._wrong_title_seconds = 0.0
        self._latencies: deque[float] = deque(maxlen=LATENCY_FRAMES)

    @property
    def place(self) -> int | None:
        """The newest frame of the programme that came."""
        return self._check.place

    @property
    def is_playing(self) -> bool:
        """Whether it has something to play now, and it is the programme."""
        return self._player.heard_seconds > 0 and not self._player.is_silent and not self._hears_filler

    @property
    def latency_seconds(self) -> float | None:
        """How long after a frame was on air it is heard, the player's own buffer included; the median of late."""
        return median(self._latencies) if self._latencies else None

    def begin(self, now: float) -> Score:
        """The trouble begins: what a burst has left beyond the player's own buffer is forgotten. Gives the score."""
        self._player.advance(now)
        self._player.forget_surplus()
        self.longest_wrong_title_seconds = 0.0
        return self.score(now)

    def disconnected(self) -> None:
        """Counts connections that had brought something; a server that refuses to begin disconnects nobody."""
        if self._is_connected:
            super().disconnected()
        self._is_connected = False

    def frame(self, frame: Frame, now: float) -> None:
        self._is_connected = True
        seconds = frame.duration / frame.format.clock_rate
        if not self._known.places(frame.data) and is_silence(frame.data):
            self._player.received(seconds, now)
            self._filler_seconds += seconds
            self._fillers += not self._hears_filler
            self._hears_filler = True
            return
        self._hears_filler = False
        super().frame(frame, now)
        if self.place is not None and self._known.places(frame.data):
            self._latencies.append(now - self._on_air(self.place) + self._player.buffered_seconds)
            self._look_at_title(self.place)

    def title(self, text: str) -> None:
        super().title(text)
        if text == self._shown:
            return
        self._shown = text
        place = self.place or 0
        if text not in {self._title_of(near) for near in (max(place - NEAR_FRAMES, 0), place, place + NEAR_FRAMES)}:
            self._wrong_titles += 1

    def score(self, now: float) -> Score:
        """All up to now."""
        heard = self.heard(now)
        return Score(
            silent_seconds=heard.silent_seconds + self._filler_seconds,
            stops=heard.stops + self._fillers,
            missing=heard.missing,
            repeated=heard.repeated,
            damaged=heard.strange,
            disconnects=heard.disconnects,
            wrong_titles=self._wrong_titles,
        )

    def _look_at_title(self, place: int) -> None:
        if self._shown is None or self._shown == self._title_of(place):
            self._wrong_title_seconds = 0.0
            return
        self._wrong_title_seconds += FRAME_SECONDS
        self.longest_wrong_title_seconds = max(self.longest_wrong_title_seconds, self._wrong_title_seconds)
