"""How long to wait before the next attempt: at once, then short, jittered, bounded delays, for ever."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffLimits:
    """Seconds."""

    first: float = 0.25
    """After the second failure in a row; the first is followed by an attempt at once."""
    factor: float = 1.7
    maximum: float = 5.0
    """A link that came back is noticed within this."""
    jitter: float = 0.3
    """Each delay is spread over ± this part, so that a hundred receivers do not come at one moment."""


class Backoff:
    """Counts the failures in a row."""

    def __init__(self, limits: BackoffLimits | None = None) -> None:
        self._limits = limits or BackoffLimits()
        self.failures = 0

    def next_delay(self, chance: float) -> float:
        """Seconds to wait after one more failure. ``chance`` is random in [0, 1)."""
        self.failures += 1
        if self.failures == 1:
            return 0.0
        limits = self._limits
        # The exponent is capped so that years of failures do not overflow a float.
        delay = min(limits.maximum, limits.first * limits.factor ** min(self.failures - 2, 64))
        return delay * (1 + limits.jitter * (2 * chance - 1))

    def reset(self) -> None:
        """The module was healthy: the next failure is the first again."""
        self.failures = 0
