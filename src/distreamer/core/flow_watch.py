"""Notices a source that still sends, but clearly less than real time.

A server gives a burst at connect and then keeps to real time, so the surplus (seconds of audio that came, less
seconds that went by) jumps up once and then stays, but for short dips when the network hiccups. A link that is too
thin, or a server that is dying, lets it sink without end.
"""

from __future__ import annotations

from collections import deque

SAMPLE_SECONDS = 0.5
"""Spacing of the samples that are kept."""


class FlowWatch:
    """Compares the audio of the last ``window_seconds`` with real time.

    A single pause of up to (1 - ``minimum_ratio``) × ``window_seconds`` never counts as starving, even when what was
    missed does not come later; nor does anything before the burst is used up, for servers pause after it.
    """

    def __init__(self, started_at: float, window_seconds: float = 20.0, minimum_ratio: float = 0.7) -> None:
        self._started_at = started_at
        self._window_seconds = window_seconds
        self._minimum_ratio = minimum_ratio
        self._burst_seconds = 0.0
        self._samples: deque[tuple[float, float]] = deque()

    def observe(self, now: float, audio_seconds: float) -> None:
        """``audio_seconds`` of audio came between the start and ``now`` (seconds on the clock of ``started_at``)."""
        elapsed = now - self._started_at
        self._burst_seconds = max(self._burst_seconds, audio_seconds - elapsed)
        is_due = not self._samples or now - self._samples[-1][0] >= SAMPLE_SECONDS
        if is_due and elapsed >= self._burst_seconds:
            self._samples.append((now, audio_seconds))
        # The oldest sample that is kept is the newest of those at least a window old.
        while len(self._samples) > 1 and now - self._samples[1][0] >= self._window_seconds:
            self._samples.popleft()

    def ratio(self, now: float, audio_seconds: float) -> float | None:
        """Audio of the last window as a part of real time; None while there is no whole window yet."""
        if not self._samples or now - self._samples[0][0] < self._window_seconds:
            return None
        at, before = self._samples[0]
        return (audio_seconds - before) / (now - at)

    def is_starving(self, now: float, audio_seconds: float) -> bool:
        """Whether clearly less than real time came in the last window."""
        ratio = self.ratio(now, audio_seconds)
        return ratio is not None and ratio < self._minimum_ratio
