"""What the numbers of a run come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.gauntlet.programme import FRAME_SECONDS
from benchmarks.gauntlet.wire import Message

Arrival = Sequence[float]
"""When a fragment arrived, and the place of its last frame."""

_OF_RESULT = {
    "silent_seconds": "silent_seconds",
    "stops": "stops",
    "missing": "missing",
    "repeated": "repeated",
    "damaged": "damaged",
    "disconnects": "disconnects",
    "wrong_titles": "wrong_titles",
    "longest_wrong_title_seconds": "title_late_seconds",
    "latency_seconds": "latency_seconds",
}
"""What players report, and what a result calls it."""


def worst(heard: Sequence[Message]) -> Message:
    """The most of each fault among all players, in a result's words."""
    found = {}
    for name, name_in_result in _OF_RESULT.items():
        value = max((player[name] for player in heard if player[name] is not None), default=None)
        found[name_in_result] = round(value, 3) if isinstance(value, float) else value
    return found


def latest_fragment(arrivals: Sequence[Arrival], on_air_since: float, begin: float) -> float | None:
    """How long the slowest fragment that came after ``begin`` had been under way; None when there was none."""
    delays = [at - (on_air_since + (place + 1) * FRAME_SECONDS) for at, place in arrivals if at >= begin]
    return round(max(delays), 2) if delays else None


def first_after(arrivals: Sequence[Arrival], returns: Sequence[float], end: float) -> float | None:
    """The longest time from a return of the link to the next fragment (up to ``end`` when none came).

    None when the link never was away, or fragments cannot be seen.
    """
    if not arrivals or not returns:
        return None
    return round(max(min((at for at, _ in arrivals if at >= one), default=end) - one for one in returns), 2)


def most(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None when none is."""
    return max((value for value in values if value is not None), default=None)


def bytes_sent(paths: Sequence[Message]) -> int:
    """What was sent at either end of the link, lost or not, of the emulator's counters."""
    return sum(way["offered_bytes"] for path in paths for way in path.values())
