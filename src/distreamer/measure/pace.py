"""How fast a stream comes: its burst, its pauses, and how its clock differs from ours. Pure; time is an argument.

The surplus, seconds of audio that came less seconds that went by, jumps up with the burst and then moves only with the
clocks. Audio can be late but never early, so what counts of each second is its highest surplus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import sqrt
from statistics import fmean, median

RUSH_SECONDS = 5.0
"""After the first audio; within them the burst comes, and behind it some servers send nothing until it is used up."""
PAUSE_SECONDS = 1.0
"""Such a rest is longer."""
MOST_SLOTS = 120
"""That are kept; then two become one."""
LEAST_SLOTS = 12
"""To say anything about clocks."""
MILLION = 1_000_000
SPREAD = 1.4826
"""The standard deviation in units of the median distance, of a normal distribution."""
MOST_LIKENESS = 0.95


@dataclass(frozen=True, slots=True)
class Drift:
    """Of the source's clock."""

    ppm: float
    """Parts per million by which it is faster than the clock of this machine; below 0: slower."""
    uncertainty_ppm: float
    """The true value lies within ± this in 95 of 100 measurements."""

    @property
    def is_seen(self) -> bool:
        """Whether it is more than the uncertainty."""
        return abs(self.ppm) > self.uncertainty_ppm


@dataclass(slots=True)
class _Slot:
    at: float
    surplus: float


class Pace:
    """``observe`` is called whenever audio came."""

    def __init__(self) -> None:
        self.burst_seconds = 0.0
        """Audio that was given beyond real time at the beginning."""
        self.longest_pause_seconds = 0.0
        """The longest time without audio that began after the rush."""
        self._began: float | None = None
        self._seconds = 0.0
        self._came_at = 0.0
        self._fit_from = 0.0
        self._slot_seconds = 1.0
        self._slots: list[_Slot] = []

    @property
    def seconds(self) -> float:
        """Between the first audio and the last."""
        return self._came_at - self._began if self._began is not None else 0.0

    @property
    def speed(self) -> float | None:
        """Audio beyond the burst as a part of real time; None where too little came to say it."""
        passed = self.seconds
        return (self._seconds - self.burst_seconds) / passed if passed >= RUSH_SECONDS else None

    def observe(self, now: float, audio_seconds: float) -> None:
        """``audio_seconds`` of audio came so far; at ``now``, which never goes back."""
        if audio_seconds <= self._seconds:
            return
        if self._began is None:
            self._began, self._came_at, self._fit_from = now, now, now + RUSH_SECONDS
        self._pause(now)
        self._seconds, self._came_at = audio_seconds, now
        surplus = audio_seconds - (now - self._began)
        if now - self._began <= RUSH_SECONDS:
            self.burst_seconds = max(self.burst_seconds, surplus)
        else:
            self._note(now, surplus)

    def drift(self) -> Drift | None:
        """None while too little came to say anything."""
        slots = [slot for slot in self._slots if slot.at >= self._fit_from]
        if len(slots) < LEAST_SLOTS:
            return None
        times, levels = [slot.at for slot in slots], [slot.surplus for slot in slots]
        # The median of all slopes (Theil and Sen) does not mind the seconds of an outage.
        slope = median((after.surplus - one.surplus) / (after.at - one.at) for one, after in combinations(slots, 2))
        return Drift(slope * MILLION, MILLION * _uncertainty(times, levels, slope))

    def _pause(self, now: float) -> None:
        assert self._began is not None
        pause = now - self._came_at
        if self._came_at - self._began >= RUSH_SECONDS:
            self.longest_pause_seconds = max(self.longest_pause_seconds, pause)
        elif pause >= PAUSE_SECONDS:
            self._fit_from = max(self._fit_from, now + PAUSE_SECONDS)

    def _note(self, now: float, surplus: float) -> None:
        if self._slots and now - self._slots[-1].at < self._slot_seconds:
            last = self._slots[-1]
            last.surplus = max(last.surplus, surplus)
            return
        if len(self._slots) >= MOST_SLOTS:
            self._slot_seconds *= 2
            pairs = zip(self._slots[::2], self._slots[1::2], strict=True)
            self._slots = [_Slot(first.at, max(first.surplus, second.surplus)) for first, second in pairs]
        self._slots.append(_Slot(now, surplus))


def _uncertainty(times: Sequence[float], levels: Sequence[float], slope: float) -> float:
    """Twice the standard error of a line's slope, wider where neighbours are alike."""
    middle = median(level - slope * time for time, level in zip(times, levels, strict=True))
    rests = [level - slope * time - middle for time, level in zip(times, levels, strict=True)]
    spread = SPREAD * median(abs(rest) for rest in rests)
    mean = fmean(times)
    extent = sqrt(sum((time - mean) ** 2 for time in times))
    power = sum(rest * rest for rest in rests)
    likeness = sum(one * after for one, after in pairwise(rests)) / power if power else 0.0
    likeness = min(max(likeness, 0.0), MOST_LIKENESS)
    return 2 * spread / extent * sqrt((1 + likeness) / (1 - likeness))
