"""What was learnt of links, for the next connection over the same one. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

REMEMBERED_SECONDS = 600.0
"""A link may be another one later."""
MOST_HOSTS = 256
"""The one that was noted longest ago is forgotten first."""


class PaceMemory:
    """How much each link carries, by the host at its other end."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}

    def note(self, host: str, capacity: float, now: float) -> None:
        """The link to ``host`` carries ``capacity`` bytes a second."""
        self._known.pop(host, None)
        self._known[host] = (capacity, now)
        if len(self._known) > MOST_HOSTS:
            del self._known[next(iter(self._known))]

    def recall(self, host: str, now: float) -> float | None:
        """Bytes a second; None when nothing is known any more."""
        capacity, noted_at = self._known.get(host, (0.0, 0.0))
        return capacity if host in self._known and now - noted_at <= REMEMBERED_SECONDS else None


@dataclass(frozen=True, slots=True)
class PaceRules:
    """How fast the connections of one link may send."""

    media_rate: Callable[[], float]
    """Bytes a second of what is carried; 0 when not known."""
    factor: float
    memory: PaceMemory = field(default_factory=PaceMemory)
