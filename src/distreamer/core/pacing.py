"""Keeps the playout's speed equal to the source's.

The clocks of two machines differ by up to some hundred parts per million: a buffer of 25 s that nobody minds
runs dry, or over, within a day or two. What is held ahead of the head, the level, tells: fragments can come
late but never early, so the *highest* level of the last half minute does not depend on the network's jitter, and
moves only with the clocks. The speed follows it, by so little that no player notices.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 30
"""Over which the highest level is taken. An outage shorter than this is not visible in it at all."""
MAXIMUM_CORRECTION = 0.003
"""The speed stays within ± this part of the source's nominal speed."""
GAIN = 0.005
"""Correction for each second by which the level is off. A drift of 300 ppm leaves it off by 0.06 s."""
LEARNING_SECONDS = 1800.0
"""Over which corrections are averaged. What brings a level back lasts minutes and hardly counts; what remains is by
how much the clocks differ."""
JUMP_SECONDS = 0.7
"""A level that is off by more did not drift there: audio was lost, be it a single fragment of a second, or came twice
as fast for a while."""


class Pacing:
    """The speed of the playout, learnt from the levels that it is shown. Time is an argument.

    It never tries to bring back a level that was lost or gained by a jump: a player that is sent less than real
    time for long runs dry. It accepts the new level and keeps that.
    """

    def __init__(self) -> None:
        self.correction = 0.0
        """What the speed differs from 1: at 0.001, a second of audio is played in 0.999 s."""
        self._kept: float | None = None
        self._buckets: deque[tuple[int, float]] = deque(maxlen=WINDOW_SECONDS + 1)
        self._since: float | None = None
        self._learnt = 0.0
        self._steered_at: float | None = None

    @property
    def kept_seconds(self) -> float | None:
        """The level that is being kept, at its highest; None until it is known."""
        return self._kept

    def observe(self, now: float, level: float) -> None:
        """At ``now``, ``level`` seconds are held ahead of the head. To be called after each arrival at least."""
        if self._since is None:
            self._since = now
        bucket = int(now)
        if self._buckets and self._buckets[-1][0] == bucket:
            level = max(level, self._buckets.pop()[1])
        self._buckets.append((bucket, level))
        while self._buckets[0][0] <= bucket - WINDOW_SECONDS:
            self._buckets.popleft()
        if now - self._since >= WINDOW_SECONDS:
            self._steer(now, max(highest for _, highest in self._buckets))

    def freeze(self) -> None:
        """Nothing arrives, or the head stands still: the levels say nothing about the clocks. Until a whole window of
        levels was seen again the speed is what the clocks were found to differ by: a correction that was to bring
        back a part of a second must not go on unseen, which it would for hours on a link that fails all the time."""
        self._since = self._steered_at = None
        self._buckets.clear()
        self.correction = self._learnt

    def _steer(self, now: float, highest: float) -> None:
        if self._kept is None or abs(highest - self._kept) > JUMP_SECONDS:
            self._kept = highest
            self.freeze()
            return
        if self._steered_at is not None:
            part = min((now - self._steered_at) / LEARNING_SECONDS, 1.0)
            self._learnt += part * (self.correction - self._learnt)
        self._steered_at = now
        wanted = GAIN * (highest - self._kept)
        self.correction = min(max(wanted, -MAXIMUM_CORRECTION), MAXIMUM_CORRECTION)
