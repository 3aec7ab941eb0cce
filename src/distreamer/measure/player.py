"""A player without sound: how long it plays, and how long it has nothing to play. Pure; time is an argument."""

from __future__ import annotations

from enum import Enum, auto

PREBUFFER_SECONDS = 3.0
"""What a player gathers before it starts, and again when it ran out."""
SETTLING_SECONDS = 1.0
"""A joining player takes the server's burst for so long before it starts; see SimulatedPlayer."""


class _Player(Enum):
    FILLING = auto()
    PLAYING = auto()
    SILENT = auto()


class SimulatedPlayer:
    """A player with a small buffer, which forgives nothing.

    When it has joined it keeps PREBUFFER_SECONDS of what the server sent at once and forgets the rest: a player
    that hides 10 s of silence behind its own buffer would prove nothing.
    """

    def __init__(self, prebuffer_seconds: float = PREBUFFER_SECONDS) -> None:
        self.heard_seconds = 0.0
        self.silent_seconds = 0.0
        self.stops = 0
        """How often it ran out."""
        self.buffered_seconds = 0.0
        self._prebuffer = prebuffer_seconds
        self._state = _Player.FILLING
        self._joined_at: float | None = None
        self._now = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether it played and has nothing to play now."""
        return self._state is _Player.SILENT

    def received(self, seconds: float, now: float) -> None:
        """``seconds`` of audio came at time ``now``."""
        self.advance(now)
        if self._joined_at is None:
            self._joined_at = now
        self.buffered_seconds += seconds
        self._start_when_ready()

    def advance(self, now: float) -> None:
        """Plays up to time ``now``, which never goes back."""
        passed = now - self._now if self._joined_at is not None else 0.0
        self._now = now
        if self._state is _Player.SILENT:
            self.silent_seconds += passed
        elif self._state is _Player.PLAYING:
            played = min(passed, self.buffered_seconds)
            self.heard_seconds += played
            self.buffered_seconds -= played
            if passed > played:
                self.silent_seconds += passed - played
                self.stops += 1
                self._state = _Player.SILENT
        self._start_when_ready()

    def forget_surplus(self) -> None:
        """Keeps no more than what it gathers before it starts."""
        self.buffered_seconds = min(self.buffered_seconds, self._prebuffer)

    def _start_when_ready(self) -> None:
        if self._joined_at is None or self.buffered_seconds < self._prebuffer or self._state is _Player.PLAYING:
            return
        if self._state is _Player.FILLING:
            if self._now < self._joined_at + SETTLING_SECONDS:
                return
            self.buffered_seconds = self._prebuffer
        self._state = _Player.PLAYING
