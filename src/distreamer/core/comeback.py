"""When the programme takes the place of filler, and where it goes on. Pure; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.core.inflow import Inflow
from distreamer.core.played import missing_between
from distreamer.core.store import Position, Store
from distreamer.model.fragment import Fragment

LEAST_SECONDS = 2.0
"""Held before the programme goes on, however fast the rest comes: the first fragments may come out of order."""
FULL_WITHIN_SECONDS = 10.0
"""Filler ends when the buffer will be full again within this."""
START_WITHIN_SECONDS = 4.0
"""Of the oldest that may be played, the first may be so much later: fragments, and the time in which they come."""
MOST_TIMES = 1.5
MOST_TIMES_WITH_HOLES = 3.0
"""When so many times the buffer is held, nobody waits for better any more."""
TRUST = 5.0
"""A speed that was seen for a second is taken to last for so many."""


def wait_seconds(speed: float, full_seconds: float) -> float:
    """How long a link that brings ``speed`` seconds of audio in a second takes to bring so much that a buffer of
    ``full_seconds`` will be full within FULL_WITHIN_SECONDS."""
    return max((full_seconds - FULL_WITHIN_SECONDS * (speed - 1)) / speed, LEAST_SECONDS / speed)


@dataclass(frozen=True, slots=True)
class Oldest:
    """Of what will be played behind filler."""

    delay_seconds: float
    """How far behind live it may be."""
    captured_at: float
    """What was captured before is older at this moment (Unix time, by the source's clock)."""


@dataclass(slots=True)
class _Run:
    """Audio without a hole."""

    begins: Position
    captured_at: float
    """Of its first fragment."""
    seconds: float = 0.0


class Comeback:
    """Looks at what a playout has behind its head while filler is played. It counts on whoever fills the store not to
    bring what is too old to be played: ``is_expected`` says whether anybody does that."""

    def __init__(self, store: Store) -> None:
        self.is_expected = False
        self._store = store
        self._inflow = Inflow()

    def observe(self, now: float) -> None:
        """To be called after each change of the store."""
        self._inflow.observe(now, self._store.added_seconds)

    def place(self, now: float, head: Position, oldest: Oldest, full_seconds: float) -> Position | None:
        """Where the programme goes on behind ``head`` now; None while filler has to. What is older than ``oldest`` is
        skipped. Where the buffer becomes full soon nobody waits for that; where it would take long it is full, so that
        the link may fail once more."""
        runs, young = self._runs(head, oldest.captured_at)
        if not runs:
            return None
        # What begins later is nearer to live than the buffer is long: that would never be full.
        latest = oldest.captured_at + oldest.delay_seconds - full_seconds + START_WITHIN_SECONDS
        if young is not None and young.captured_at <= latest and self._is_enough(young.seconds, full_seconds, now):
            return young.begins
        last = runs[-1]
        if last.seconds >= full_seconds and last.captured_at >= oldest.captured_at:
            return last.begins
        # A link that brings less than the programme brings nothing that is young enough, and a source that loses
        # something again and again never as much in a row.
        held = sum(run.seconds for run in runs)
        if last.seconds < MOST_TIMES * full_seconds and held < MOST_TIMES_WITH_HOLES * full_seconds:
            return None
        return max(last.begins, self._store.position_before_newest(full_seconds))

    def _is_enough(self, held: float, full_seconds: float, now: float) -> bool:
        speed = self._inflow.speed(now)
        if speed is None or held < LEAST_SECONDS:
            return False
        # What was seen for a moment may not last.
        lasts = min(FULL_WITHIN_SECONDS, TRUST * self._inflow.measured_seconds(now))
        return held + lasts * (speed - 1) >= full_seconds

    def _runs(self, head: Position, oldest: float) -> tuple[list[_Run], _Run | None]:
        """All that is held behind ``head``, and the first of it that is not too old."""
        runs: list[_Run] = []
        young: _Run | None = None
        place, before = head, None
        while (fragment := self._store.after(place)) is not None:
            is_behind_hole = before is None or missing_between(before, fragment) > 0
            behind = self._store.position_of(fragment)
            # Right before it: what lies in the hole may still come, and is skipped all the same.
            begins = Position(behind.order, fragment.number - 1)
            if is_behind_hole:
                runs.append(_Run(begins, fragment.captured_at))
            if young is None and fragment.captured_at >= oldest:
                young = _Run(begins, fragment.captured_at)
                young_in = runs[-1]
            seconds = self._seconds_of(fragment)
            runs[-1].seconds += seconds
            if young is not None and runs[-1] is young_in:
                young.seconds += seconds
            place, before = behind, fragment
        return runs, young

    def _seconds_of(self, fragment: Fragment) -> float:
        epoch = self._store.epoch(fragment.epoch)
        return epoch.seconds(fragment.duration) if epoch else 0.0
