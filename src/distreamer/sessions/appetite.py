"""How much of what was missed a receiver asks for. Pure; time is an argument.

As long as the buffer lasts, everything is wanted, oldest first: it is due next. When listeners hear filler and what is
too old will be skipped, that must not come before what they can still hear, and where the link brings little more than
the programme itself, even less is asked for, so that the buffer is full again as soon as can be. The rest is fetched
later, one fragment at a time, while the link is idle: nobody hears it here, but who receives from here may.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from distreamer.core.comeback import FULL_WITHIN_SECONDS, Oldest, wait_seconds
from distreamer.core.inflow import Inflow
from distreamer.core.played import missing_between
from distreamer.core.store import Store

START_SECONDS = 1.0
"""Less than may be is asked for: what it takes until the first fragments are there."""
MEASURED_SECONDS = 4.0
"""From the first arrival on, before the link's speed is known."""
WORTH_SECONDS = 3.0
"""So much sooner must listeners hear the programme, and so much of it be left out, for less to be asked for; each
time after that, twice as much: what has come of it is thrown away."""
STEP_SECONDS = 3.0
"""So much more at a time is asked for while listeners wait."""
IDLE_SECONDS = 1.5
"""The newest fragment is no farther away: nothing waits."""
MOST_TRIES = 10
"""In a row that bring nothing older: the sender has no more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """As in a ``want`` of the native protocol."""

    back_seconds: float
    resume_seconds: float


class Appetite:
    """Of all conversations of one receiver."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._inflow = Inflow()
        self._limit: float | None = None
        """Seconds behind live beyond which nothing is asked for; None while nothing is left out."""
        self._is_skipping = False
        self._worth = WORTH_SECONDS
        self._added = 0
        """Fragments that had come when it was asked."""
        self._goes_on = True
        """Whether all that follows what is held is asked for, however old it becomes meanwhile."""
        self._begins: tuple[int, int] | None = None
        """Of the newest run without a hole: epoch and number."""
        self._tries = 0

    @property
    def is_limited(self) -> bool:
        """Whether less is asked for than all that was missed."""
        return self._limit is not None

    def wish(self, back_seconds: float) -> Wish:
        """What is to be asked for now; ``back_seconds`` is enough when nothing is held."""
        kept = self._store.limits.seconds
        if self._limit is None:
            return Wish(back_seconds, kept)
        return Wish(self._limit, kept if self._goes_on else self._limit)

    def look(self, now: float, oldest: Oldest | None, full_seconds: float, behind_seconds: float | None) -> bool:
        """Whether the wish is another one now. ``oldest`` is None when nothing will be skipped. A buffer of
        ``full_seconds`` is wanted; the newest that is here is ``behind_seconds`` older than the newest of the sender,
        None when that is not known."""
        self._inflow.observe(now, self._store.added_seconds)
        before = self._limit, self._goes_on
        if oldest is not None:
            self._skip(now, oldest, full_seconds, behind_seconds)
        elif self._limit is not None:
            self._is_skipping, self._goes_on = False, True
            self._fetch_the_rest(behind_seconds)
        return (self._limit, self._goes_on) != before

    def _skip(self, now: float, oldest: Oldest, full_seconds: float, behind_seconds: float | None) -> None:
        if not self._is_skipping:
            self._is_skipping, self._worth = True, WORTH_SECONDS
            self._ask_for(max(oldest.delay_seconds - START_SECONDS, START_SECONDS))
            return
        assert self._limit is not None
        newest = self._store.newest()
        if newest is None or newest.captured_at < oldest.captured_at or self._store.added == self._added:
            return  # Nothing came of it yet, or only what was on its way before.
        self._goes_on = True
        speed = self._inflow.speed(now)
        if speed is None or behind_seconds is None or self._inflow.measured_seconds(now) < MEASURED_SECONDS:
            return
        wait = wait_seconds(speed, full_seconds)
        less = max(oldest.delay_seconds - wait, START_SECONDS)
        is_sooner = wait + self._worth < self._left(speed, oldest.delay_seconds, full_seconds, behind_seconds)
        if is_sooner and less + WORTH_SECONDS < behind_seconds:
            self._ask_for(less)
            self._worth *= 2
        elif self._may_extend(behind_seconds):
            held, _, _ = self._newest_run()
            self._limit = max(self._limit, min(held + STEP_SECONDS, oldest.delay_seconds))

    def _may_extend(self, behind_seconds: float) -> bool:
        """Whether all that was asked for is here."""
        held, _, _ = self._newest_run()
        return behind_seconds <= IDLE_SECONDS and self._limit is not None and held >= self._limit

    def _ask_for(self, seconds: float) -> None:
        self._limit, self._goes_on, self._added = seconds, False, self._store.added
        self._inflow.forget()

    def _left(self, speed: float, oldest: float, full_seconds: float, behind_seconds: float) -> float:
        """Seconds until the programme can go on if nothing else is asked for."""
        held, _, _ = self._newest_run()
        wait = (full_seconds - FULL_WITHIN_SECONDS * (speed - 1) - held) / speed
        if wait <= oldest - behind_seconds - held:
            return max(wait, 0.0)
        # By then the first of it is too old, and more of it each second.
        if speed <= 1:
            return inf
        return (full_seconds - oldest + behind_seconds) / (speed - 1) - FULL_WITHIN_SECONDS

    def _fetch_the_rest(self, behind_seconds: float | None) -> None:
        held, begins, is_all = self._newest_run()
        if is_all or held >= self._store.limits.seconds or self._tries >= MOST_TRIES:
            self._limit, self._begins, self._tries = None, None, 0
        elif behind_seconds is not None and self._may_extend(behind_seconds):
            self._tries = self._tries + 1 if begins == self._begins else 0
            self._limit, self._begins = held + behind_seconds + IDLE_SECONDS, begins

    def _newest_run(self) -> tuple[float, tuple[int, int] | None, bool]:
        """Seconds held up to the newest without a hole, where they begin, and whether that is all."""
        total, after = 0.0, None
        for epoch in reversed(self._store.epochs):
            for number in reversed(epoch.numbers):
                fragment = epoch.fragments[number]
                if after is not None and missing_between(fragment, after) > 0:
                    return total, (after.epoch, after.number), False
                total += epoch.seconds(fragment.duration)
                after = fragment
        return total, None, True
