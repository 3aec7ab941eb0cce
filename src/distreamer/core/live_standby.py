"""An input that brings audio by itself, as the switch between inputs sees it."""

from __future__ import annotations

from collections import deque

from distreamer.core.cue import StandbyCue
from distreamer.core.flow_watch import FlowWatch
from distreamer.core.standby import Standby
from distreamer.core.store import START, Position, Store

PAUSE_SECONDS = 8.0
"""A live input that has brought nothing for so long, beyond its rhythm, begins to be healthy anew."""
READY_PART = 0.5
"""Who has brought nothing for this part of it is not put on air: it may be about to fail as well."""
GROUP_SECONDS = 0.9
"""What comes within this came at one time."""
GAPS = 3
"""From so many gaps between arrivals in a row the rhythm is known."""
LONGEST_RHYTHM_SECONDS = 30.0
"""A sender that runs DiStreamer 2 gives 82 kB at a time, 27 s at 24 kbit/s."""
KEEPS_UP_PART, KEEPS_UP_SECONDS = 0.95, 40.0
"""So much of real time must have come lately for an input to keep up."""
FLOW_SECONDS, FLOW_PART = 60.0, 0.85
"""Who has brought less of real time in this window starves. A pause of PAUSE_SECONDS alone is not as much."""
CATCHES_UP_RATIO, CATCHES_UP_SECONDS = 1.5, 3.0
"""Who has brought so much more than real time lately is catching up."""


class LiveStandby(Standby):
    """Brings audio in real time, or in bursts with a rhythm of their own."""

    def __init__(
        self,
        name: str,
        store: Store,
        cue: StandbyCue,
        now: float,
        return_seconds: float = 10.0,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """``return_seconds``: how long it must have been healthy to take over from an input of a lower priority. After
        a longer pause than ``pause_seconds`` its health is counted anew."""
        super().__init__(name, store, cue, now)
        self._return_seconds = return_seconds
        self._pause_seconds = pause_seconds
        self._group_began: float | None = None
        self._gaps: deque[float] = deque(maxlen=GAPS)
        self._recent: deque[tuple[float, float]] = deque()
        self._healthy_since: float | None = None
        self._run_seconds = 0.0
        """Brought in its present healthy run."""
        self._run_position = START
        """Where that begins."""
        self._flow = FlowWatch(now, FLOW_SECONDS)
        self._newest = START

    def judge_by(self, return_seconds: float, pause_seconds: float) -> None:
        """Other limits, as when it was made."""
        self._return_seconds = return_seconds
        self._pause_seconds = pause_seconds

    def _brought(self, now: float, seconds: float) -> None:
        if self._healthy_since is None or self.silent_seconds(now) > self._pause_seconds:
            self._healthy_since, self._run_seconds = now, 0.0
            self._run_position = self._newest
            self._flow = FlowWatch(now, FLOW_SECONDS)
        if self._group_began is None or now - self._group_began > GROUP_SECONDS:
            if self._group_began is not None:
                self._gaps.append(now - self._group_began)
            self._group_began = now
        self._run_seconds += seconds
        self._recent.append((now, seconds))
        newest = self.store.newest()
        self._newest = self.store.position_of(newest) if newest else START

    def look(self, now: float) -> None:
        super().look(now)
        while self._recent and self._recent[0][0] < now - KEEPS_UP_SECONDS:
            self._recent.popleft()
        self._flow.observe(now, self._run_seconds)

    def is_ready(self, now: float) -> bool:
        return self._healthy_since is not None and self.silent_seconds(now) <= READY_PART * self._pause_seconds

    def returns_in(self, now: float) -> float | None:
        """While it catches up, or does not keep up, that is still to come: it would be later, or fall silent, soon."""
        if self._healthy_since is None or not self.is_ready(now):
            return None
        left = max(self._return_seconds - (now - self._healthy_since), 0.0)
        return left if self.keeps_up(now) and not self._is_catching_up(now) else max(left, 1.0)

    def has_failed(self, now: float) -> bool:
        return False

    def keeps_up(self, now: float) -> bool:
        if self._healthy_since is None:
            return False
        span = min(now - self._healthy_since, KEEPS_UP_SECONDS)
        return self._seconds_since(now - span) + self._rhythm() >= KEEPS_UP_PART * span

    def is_starving(self, now: float) -> bool:
        ratio = self._flow.ratio(now, self._run_seconds)
        # The next arrival may be just about to come.
        return ratio is not None and ratio + self._rhythm() / FLOW_SECONDS < FLOW_PART

    def silent_seconds(self, now: float) -> float:
        return now - self.heard_at - self._rhythm()

    def quiet_seconds(self, now: float) -> float:
        return now - self.heard_at - self._newest_seconds()

    def begin(self, wanted_seconds: float, not_before: Position = START) -> float:
        newest = self.store.newest()
        if newest is None:
            return self._go_on_from(self._position)
        half = self._seconds_of(newest) / 2
        position = self.store.position_of(newest)
        if wanted_seconds > half:
            position = self.store.position_before_newest(wanted_seconds - half)
        return self._go_on_from(max(position, self._position, self._run_position, not_before))

    def end(self, now: float, *, is_lost: bool) -> None:
        if is_lost:
            self._healthy_since = None

    def _newest_seconds(self) -> float:
        newest = self.store.newest()
        return self._seconds_of(newest) if newest else 0.0

    def _rhythm(self) -> float:
        """Seconds from one arrival to the next as they mostly are: one longer gap is no rhythm."""
        usual = min(min(self._gaps), LONGEST_RHYTHM_SECONDS) if len(self._gaps) == GAPS else 0.0
        return max(usual, self._newest_seconds())

    def _is_catching_up(self, now: float) -> bool:
        usual = CATCHES_UP_RATIO * CATCHES_UP_SECONDS + self._newest_seconds()
        return self._seconds_since(now - CATCHES_UP_SECONDS) > usual

    def _seconds_since(self, moment: float) -> float:
        return sum(seconds for at, seconds in self._recent if at >= moment)
