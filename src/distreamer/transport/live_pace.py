"""How fast audio may be sent over an unknown link: learnt from delay, never from loss. Pure; time is an argument.

A link that loses packets is not full: who slows down there only falls behind. A link that is full makes packets wait,
and that can be seen. So the pace grows while it is used up and the round trip stays near its shortest, up to a bound
that others can live with, and goes below what arrives when packets begin to queue.
"""

from __future__ import annotations

from collections import deque

LEAST_MEDIA_RATE = 4_000.0
"""Bytes a second, for those that send hardly anything, and as long as nothing is known."""
INTERVAL_SECONDS = 0.3
"""How often the pace is set anew; where the round trip takes longer, once in each, for nothing is seen of it before."""
FIRST_FACTOR = 2.0
"""Times the stream's bitrate, as long as nothing is known."""
GROWTH = 1.25
"""In each interval."""
CAREFUL_GROWTH, BOLDNESS = 1.03, 0.02
"""Beyond what the link was once seen to carry: in the first interval, and more in each that follows without a queue."""
USED_PART = 0.7
"""Who sends less than this part of the pace does not know whether more would do."""
QUEUE_SECONDS = 0.3
"""Round trips that are longer than the shortest by so much tell of a queue; less is a mobile network's mood."""
EARLY_QUEUE_SECONDS = 0.1
"""Longer by so much, and the pace grows no more, except to what the stream needs: a queue that is kept by others would
stay for ever."""
NEEDED_FACTOR, NEEDED_GROWTH = 1.1, 1.1
"""What the stream needs, in bitrates, and how fast the pace grows to it in each interval."""
GROWING_SECONDS = 0.02
"""Longer by so much than in the interval before, and a queue begins to grow."""
UNREST = 2.0
"""Times by which one round trip differs from the next: so much more is no queue on a link that shuffles packets."""
DRAIN_SECONDS = 2.0
"""A queue should be gone in about this time."""
LEAST_RELIEF, MOST_RELIEF = 0.9, 0.6
"""Of what arrives, while a queue is to become shorter."""
CAPACITY_FALL = 0.75
"""What is known of the link's capacity falls to this part at once, and no lower."""
AVERAGED_INTERVALS = 4
FADING = 7 / 8
"""Losses of the interval before count so much less."""
FEWEST_SAMPLES = 3
"""Round trips in an interval, without which it tells nothing."""
BASE_SECONDS = 30.0
"""For so long the shortest round trip is remembered."""
STUBBORN_INTERVALS = 8
"""When the round trip does not become shorter over so many slow intervals it is the path that is longer now."""
LEAST_PART = 0.25
"""Of the stream's bitrate: no slower is sent, or nothing would be learnt."""
WINDOW_SECONDS = 0.4
"""Beyond the shortest round trip, this much may be under way."""
LEAST_WINDOW_BYTES = 4 * 1200
SILENT_SECONDS = 2.0
SILENT_ROUND_TRIPS = 4.0
"""Nothing was acknowledged for so long: the link is dark, and only probes are sent."""
UNANSWERED_SECONDS = 0.5
UNANSWERED_ROUND_TRIPS = 2.0
"""When nothing came and nothing was acknowledged for so long, the link was dark: what is under way is lost."""
PROBE_SECONDS = 0.25
"""From probe to probe, without ever growing: a link that is back must be noticed at once."""


class LivePace:
    """Bytes a second, and bytes under way, for one direction of one connection."""

    def __init__(self, media_rate: float, factor: float, now: float, capacity: float | None = None) -> None:
        """``media_rate`` is that of the stream in bytes a second, 0 when it is not known yet; the pace is never above
        ``factor`` times it. ``capacity`` is what another connection has learnt of the same link."""
        self._media_rate = max(media_rate, LEAST_MEDIA_RATE)
        self._factor = factor
        self.capacity = capacity
        """Bytes a second that can be sent without a queue, as it was seen when there was one; None before."""
        self._rate = self._first()
        self._base: deque[tuple[float, float]] = deque()
        self._began = now
        self._sent = 0
        self._delivered = 0
        self._samples: list[float] = []
        self._unrest = 0.0
        self._slow_intervals = 0
        self._slow_from = 0.0
        self._stuck_intervals = 0
        self._arrives = 0.0
        """Bytes a second, lately, while there is a queue: what the link carries."""
        self._bold_intervals = 0
        self._trip_before = 0.0
        self._arrived_lately = 0.0
        self._lost_lately = 0.0
        """Bytes that were sent since the link was dark last; older ones count less."""
        self._light_at = now
        """When the link was dark last."""
        self._round_trip = 0.0
        self.heard_at = now
        """When something was acknowledged last, or it was made."""
        self._sent_at = now

    @property
    def rate(self) -> float:
        """Bytes a second that may be sent."""
        return self._rate

    @property
    def shortest_round_trip(self) -> float:
        """Seconds; 0 before the first one."""
        return self._base[0][1] if self._base else 0.0

    @property
    def window(self) -> int:
        """Bytes that may be under way at once."""
        beyond = WINDOW_SECONDS + UNREST * self._unrest
        return max(LEAST_WINDOW_BYTES, int(self._rate * (self.shortest_round_trip + beyond)))

    @property
    def fade_seconds(self) -> float:
        """What was sent so long ago without an answer is not under way any more: it is lost."""
        return 1.5 * self._round_trip + 0.3

    def is_dark(self, now: float) -> bool:
        """Whether nobody has answered for so long that the link is taken for dead."""
        return self._has_waited(max(SILENT_SECONDS, SILENT_ROUND_TRIPS * self._round_trip), now)

    def is_unanswered(self, since: float, now: float) -> bool:
        """Whether nobody has answered for longer than an answer takes, and nothing came from the other side ``since``
        then either."""
        waited = max(UNANSWERED_SECONDS, UNANSWERED_ROUND_TRIPS * self._round_trip)
        return now - since > waited and self._has_waited(waited, now)

    def expect(self, media_rate: float) -> None:
        """The stream has this bitrate now: bytes a second; 0 says nothing."""
        if media_rate <= 0:
            return
        known = max(media_rate, LEAST_MEDIA_RATE)
        if known != self._media_rate:
            self._media_rate = known
            # As long as the link has shown no bound, the bitrate is all that is known of it.
            least = self._first() if self.capacity is None else self._least()
            self._rate = min(max(self._rate, least), self._most())

    def sent(self, size: int, now: float) -> None:
        """``size`` bytes went out that will be answered."""
        self._sent += size
        self._sent_at = now

    def acknowledged(self, size: int, now: float) -> None:
        """``size`` bytes have arrived."""
        if self.is_dark(now):
            # Perhaps over another path.
            self._light_at = now
            self._base.clear()
            self._begin_interval(now)
        self.heard_at = now
        self._delivered += size
        self._arrived_lately += size
        self._judge(now)

    def lost(self, size: int, sent_at: float) -> None:
        """Of ``size`` bytes nothing was heard. That is bad luck, and no reason to slow down; but of what arrives on a
        full link it tells how much the link carries."""
        if sent_at >= self._light_at:
            self._lost_lately += size

    def measured(self, round_trip: float, now: float) -> None:
        """A round trip in seconds."""
        if not self._round_trip:
            self._round_trip = round_trip
        before = self._samples[-1] if self._samples else round_trip
        self._unrest += (abs(round_trip - before) - self._unrest) / 8
        self._round_trip += (round_trip - self._round_trip) / 8
        self._samples.append(round_trip)
        # The shortest stands first; behind it those that will be the shortest when it is forgotten.
        while self._base and self._base[-1][1] >= round_trip:
            self._base.pop()
        self._base.append((now, round_trip))
        while now - self._base[0][0] > BASE_SECONDS:
            self._base.popleft()

    def _has_waited(self, seconds: float, now: float) -> bool:
        return self._sent_at > self.heard_at and now - self.heard_at > seconds

    def _judge(self, now: float) -> None:
        passed = now - self._began
        if passed < max(INTERVAL_SECONDS, self._round_trip) or len(self._samples) < FEWEST_SAMPLES:
            return
        trip = min(self._samples)
        waits = trip - self.shortest_round_trip - UNREST * self._unrest
        if waits > QUEUE_SECONDS:
            self._slow_down(trip, waits - QUEUE_SECONDS, self._delivered / passed, now)
        else:
            self._slow_intervals = 0
            if waits <= EARLY_QUEUE_SECONDS:
                self._speed_up(passed, queues=trip - self._trip_before > GROWING_SECONDS + self._unrest)
            else:
                self._bold_intervals = 0
                self._speed_up_to_need(passed)
        self._trip_before = trip
        self._begin_interval(now)

    def _speed_up(self, passed: float, *, queues: bool) -> None:
        if self._sent < USED_PART * self._rate * passed:
            return
        growth = GROWTH
        if self.capacity is not None and self._rate * GROWTH > self.capacity:
            if queues:
                self._bold_intervals = 0
                return
            growth = min(GROWTH, CAREFUL_GROWTH + BOLDNESS * self._bold_intervals)
            self._bold_intervals += 1
        self._rate = min(self._rate * growth, self._most())
        if self.capacity is not None:
            self.capacity = max(self.capacity, self._rate)

    def _speed_up_to_need(self, passed: float) -> None:
        if self._sent >= USED_PART * self._rate * passed:
            needed = min(NEEDED_FACTOR * self._media_rate, self._most())
            self._rate = max(self._rate, min(self._rate * NEEDED_GROWTH, needed))

    def _slow_down(self, trip: float, waits: float, arrives: float, now: float) -> None:
        if not self._slow_intervals:
            self._slow_from = trip
            self._stuck_intervals = 0
        self._slow_intervals += 1
        self._bold_intervals = 0
        self._arrives += (arrives - self._arrives) / min(self._slow_intervals, AVERAGED_INTERVALS)
        if self._slow_intervals >= STUBBORN_INTERVALS and trip > LEAST_RELIEF * self._slow_from:
            # Or others fill the link's queue, whatever we do: then our share is what the stream needs.
            self._base = deque([(now, trip)])
            self._slow_intervals = 0
            self._rate = max(self._rate, self._media_rate)
            return
        self.capacity = self._learnt(is_growing=trip > self._trip_before)
        # What was taken for relief may have been none.
        self._stuck_intervals += trip > self._trip_before - GROWING_SECONDS
        relief = min(max(1 - waits / DRAIN_SECONDS, MOST_RELIEF), LEAST_RELIEF**self._stuck_intervals)
        self._rate = min(max(relief * self.capacity, self._least()), self._most())

    def _learnt(self, *, is_growing: bool) -> float:
        """The capacity, by what arrives while there is a queue, which may grow."""
        heard_of = self._arrived_lately + self._lost_lately
        possible = self._arrives / max(self._arrived_lately / heard_of if heard_of else 1.0, LEAST_PART)
        if self.capacity is None:
            return possible
        if not is_growing:
            return max(possible, self.capacity)
        # One interval says little; several in a row say the truth.
        return max(possible, CAPACITY_FALL * self.capacity) if self._slow_intervals == 1 else possible

    def _begin_interval(self, now: float) -> None:
        self._began, self._delivered, self._sent = now, 0, 0
        self._arrived_lately *= FADING
        self._lost_lately *= FADING
        self._samples.clear()

    def _first(self) -> float:
        first = min(self._factor, FIRST_FACTOR) * self._media_rate
        return first if self.capacity is None else max(min(first, LEAST_RELIEF * self.capacity), self._least())

    def _least(self) -> float:
        return LEAST_PART * self._media_rate

    def _most(self) -> float:
        return self._factor * self._media_rate
