"""How long a programme has been silent. Pure; time is an argument."""

from __future__ import annotations

from distreamer.model.loudness import Loudness

BACK_DECIBELS = 3.0
"""What was silent must be so much louder than the limit to be silent no more: noise about the limit does not flap."""


class SilenceWatch:
    """Shown one piece of audio after the other."""

    def __init__(self) -> None:
        self._since: float | None = None

    def note(self, loudness: Loudness, limit_dbfs: float, seconds: float, now: float) -> None:
        """The last ``seconds`` up to ``now`` were as loud as that."""
        level = loudness.loudest_dbfs
        limit = limit_dbfs if self._since is None else limit_dbfs + BACK_DECIBELS
        if level is None or level >= limit:
            self._since = None
        elif self._since is None:
            self._since = now - seconds

    def forget(self) -> None:
        """What comes next is another programme, or comes after a hole."""
        self._since = None

    def silent_seconds(self, now: float) -> float:
        """Up to ``now``; 0 when it is not silent."""
        return 0.0 if self._since is None else max(now - self._since, 0.0)
