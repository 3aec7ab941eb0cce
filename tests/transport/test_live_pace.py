"""The pace of live audio on simulated links: what it takes for a full link, and what it does not."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.transport import live_pace
from distreamer.transport.live_pace import FIRST_FACTOR, LEAST_MEDIA_RATE, LEAST_PART, LivePace
from distreamer.transport.pace_memory import MOST_HOSTS, REMEMBERED_SECONDS, PaceMemory

MEDIA_RATE = 16_000.0
FACTOR = 5.0
PACKET = 1_200


class Road:
    """A link with a bottleneck, and one who sends over it as fast as the pace allows."""

    def __init__(
        self, pace: LivePace, rate: float = 1e6, trip: float = 0.1, loss: float = 0.0, jitter: float = 0.0
    ) -> None:
        self.pace = pace
        self.rate = rate
        self.trip = trip
        self.loss = loss
        self.jitter = jitter
        self.now = 0.0
        self.arrived = 0
        self.highest_rate = pace.rate
        self.longest_wait = 0.0
        self._random = random.Random(7)
        self._free_at = 0.0
        self._under_way: dict[int, float] = {}
        self._answers: list[tuple[float, int, float]] = []
        self._sent = 0
        self._may_send_at = 0.0

    def drive(self, seconds: float, demand: float = math.inf, then: Callable[[], None] = lambda: None) -> None:
        """For so long, with ``demand`` bytes a second to send; ``then`` is called after each answer."""
        end = self.now + seconds
        self._may_send_at = max(self._may_send_at, self.now)
        while True:
            self._forget_the_faded()
            may_send = len(self._under_way) * PACKET + PACKET <= self.pace.window
            sends_at = self._may_send_at if may_send else math.inf
            answer_at = self._answers[0][0] if self._answers else math.inf
            fades_at = min(self._under_way.values(), default=math.inf) + self.pace.fade_seconds
            moment = min(sends_at, answer_at, fades_at + 1e-6)
            if moment > end:
                self.now = end
                return
            self.now = max(self.now, moment)
            if sends_at <= answer_at and may_send:
                self._send(min(self.pace.rate, demand))
            elif answer_at <= self.now:
                self._answer()
                then()

    def _send(self, rate: float) -> None:
        self._may_send_at = max(self._may_send_at, self.now) + PACKET / rate
        self._sent += 1
        self._under_way[self._sent] = self.now
        self.pace.sent(PACKET, self.now)
        self._free_at = max(self._free_at, self.now) + PACKET / self.rate
        self.longest_wait = max(self.longest_wait, self._free_at - self.now)
        if self._random.random() >= self.loss:
            comes = self._free_at + self.trip + self._random.random() * self.jitter
            heapq.heappush(self._answers, (comes, self._sent, self.now))

    def _answer(self) -> None:
        _, number, sent_at = heapq.heappop(self._answers)
        self._under_way.pop(number, None)
        self.arrived += PACKET
        self.pace.measured(self.now - sent_at, self.now)
        self.pace.acknowledged(PACKET, self.now)
        self.highest_rate = max(self.highest_rate, self.pace.rate)

    def _forget_the_faded(self) -> None:
        oldest = self.now - self.pace.fade_seconds
        for number, sent_at in tuple(self._under_way.items()):
            if sent_at <= oldest:
                del self._under_way[number]
                self.pace.lost(PACKET, sent_at)


def pace(capacity: float | None = None) -> LivePace:
    return LivePace(MEDIA_RATE, FACTOR, 0.0, capacity)


def test_it_grows_to_its_bound_while_it_is_used_and_never_beyond() -> None:
    road = Road(pace())
    assert road.pace.rate == FIRST_FACTOR * MEDIA_RATE
    road.drive(10)
    assert road.pace.rate == pytest.approx(FACTOR * MEDIA_RATE)
    assert road.highest_rate <= FACTOR * MEDIA_RATE * (1 + 1e-9)


def test_it_stays_where_it_is_as_long_as_nobody_needs_more() -> None:
    road = Road(pace())
    road.drive(60, demand=MEDIA_RATE)
    assert road.pace.rate == FIRST_FACTOR * MEDIA_RATE


@pytest.mark.parametrize("loss", [0.1, 0.3, 0.5])
def test_it_is_deaf_to_losses(loss: float) -> None:
    road = Road(pace(), loss=loss)
    road.drive(15)
    assert road.pace.rate == pytest.approx(FACTOR * MEDIA_RATE)
    assert road.pace.capacity is None


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("part", [0.5, 1.25, 2.0])
def test_on_a_thin_link_the_queue_is_drained_and_the_link_stays_used(part: float, loss: float) -> None:
    road = Road(pace(), rate=part * MEDIA_RATE, loss=loss)
    road.drive(15)
    road.longest_wait, road.arrived = 0.0, 0
    road.drive(30)
    assert road.longest_wait < 1.0
    assert road.arrived > 0.8 * (1 - loss) * 30 * part * MEDIA_RATE
    assert road.pace.capacity is not None
    assert 0.6 * part * MEDIA_RATE < road.pace.capacity < 1.5 * part * MEDIA_RATE


def test_a_link_that_became_thin_is_thinned_out_and_one_that_became_wide_is_used_again() -> None:
    road = Road(pace())
    road.drive(5, demand=MEDIA_RATE)
    road.rate = 8_000
    road.drive(15)
    assert road.pace.rate < 12_000
    road.rate = 1e6
    road.drive(10)
    assert road.pace.rate == pytest.approx(FACTOR * MEDIA_RATE)


def test_what_the_link_carries_is_not_forgotten_when_it_was_not_used_for_a_while() -> None:
    road = Road(pace(), rate=20_000)
    road.drive(15)
    road.drive(20, demand=5_000)
    road.longest_wait = 0.0
    road.drive(1.5)
    assert road.longest_wait < 1.0
    assert road.pace.rate < 1.6 * 20_000


def test_a_new_connection_begins_with_what_another_has_learnt() -> None:
    assert pace(20_000).rate == pytest.approx(18_000)
    assert pace(1_000_000).rate == FIRST_FACTOR * MEDIA_RATE
    assert pace(100).rate == LEAST_PART * MEDIA_RATE
    fresh, knowing = Road(pace(), rate=20_000), Road(pace(20_000), rate=20_000)
    for road in (fresh, knowing):
        road.drive(2)
    assert knowing.longest_wait < 0.5 < fresh.longest_wait


def test_a_path_that_became_longer_is_accepted_after_a_while() -> None:
    road = Road(pace())
    road.drive(5, demand=MEDIA_RATE)
    road.trip = 0.9
    road.drive(20, demand=MEDIA_RATE)
    assert road.pace.shortest_round_trip > 0.85
    assert road.pace.rate >= MEDIA_RATE


def test_others_who_fill_the_queue_do_not_push_it_below_the_stream() -> None:
    """Whatever it does, the round trip stays long."""
    road = Road(pace())
    road.drive(2, demand=MEDIA_RATE)
    road.trip = 0.6
    lowest = math.inf

    def look() -> None:
        nonlocal lowest
        lowest = min(lowest, road.pace.rate)

    road.drive(10, then=look)
    road.drive(20, then=look)
    assert lowest >= LEAST_PART * MEDIA_RATE
    assert road.pace.rate >= MEDIA_RATE


def test_a_link_that_shuffles_packets_is_not_full() -> None:
    road = Road(pace(), jitter=0.3)
    lowest = math.inf

    def look() -> None:
        nonlocal lowest
        lowest = min(lowest, road.pace.rate)

    road.drive(30, then=look)
    assert lowest >= FIRST_FACTOR * MEDIA_RATE
    assert road.pace.rate == pytest.approx(FACTOR * MEDIA_RATE)


def test_a_satellite_is_far_away_and_not_full() -> None:
    road = Road(pace(), trip=0.6)
    road.drive(20)
    assert road.pace.rate == pytest.approx(FACTOR * MEDIA_RATE)


def test_it_is_dark_when_what_was_sent_is_not_answered_and_not_when_nothing_was_sent() -> None:
    road = Road(pace())
    road.drive(5, demand=MEDIA_RATE)
    heard = road.pace.heard_at
    assert not road.pace.is_dark(heard + 100) or road.pace._sent_at > heard
    quiet = pace()
    assert not quiet.is_dark(100)
    quiet.sent(PACKET, 100.0)
    quiet.acknowledged(PACKET, 100.1)
    assert not quiet.is_dark(200)
    quiet.sent(PACKET, 200.0)
    assert quiet.is_dark(200.0)
    quiet.acknowledged(PACKET, 200.2)
    assert not quiet.is_dark(202.1)


def test_far_away_it_takes_longer_until_a_link_is_called_dark() -> None:
    far = pace()
    far.measured(0.9, 0.0)
    far.acknowledged(PACKET, 0.0)
    far.sent(PACKET, 0.1)
    assert not far.is_dark(3.5)
    assert far.is_dark(3.7)


def test_an_outage_says_nothing_of_what_the_link_carries() -> None:
    road = Road(pace())
    road.drive(10)
    before = road.pace.rate
    road.loss = 1.0
    road.drive(20)
    road.loss = 0.0
    road.drive(5)
    assert road.pace.rate == before
    assert road.pace.capacity is None


def test_as_long_as_the_bitrate_is_not_known_little_is_sent_and_then_it_is_known_at_once() -> None:
    unknown = LivePace(0.0, FACTOR, 0.0)
    assert unknown.rate == FIRST_FACTOR * LEAST_MEDIA_RATE
    unknown.expect(0.0)
    assert unknown.rate == FIRST_FACTOR * LEAST_MEDIA_RATE
    unknown.expect(40_000)
    assert unknown.rate == FIRST_FACTOR * 40_000
    unknown.expect(0.0)
    assert unknown.rate == FIRST_FACTOR * 40_000
    unknown.expect(5_000)
    assert unknown.rate == FACTOR * 5_000


def test_another_bitrate_does_not_make_it_forget_a_thin_link() -> None:
    road = Road(pace(), rate=20_000)
    road.drive(15)
    before = road.pace.rate
    road.pace.expect(20_000)
    assert road.pace.rate == before
    road.pace.expect(4 * before / LEAST_PART)
    assert road.pace.rate == pytest.approx(4 * before)


def test_what_may_be_under_way_follows_the_pace_and_the_path() -> None:
    assert pace().window >= live_pace.LEAST_WINDOW_BYTES
    road = Road(pace(), trip=0.5)
    road.drive(20)
    assert road.pace.window >= road.pace.rate * 0.5
    assert road.pace.window <= road.pace.rate * 1.1 + live_pace.LEAST_WINDOW_BYTES


STEP = st.tuples(
    st.sampled_from(["sent", "acknowledged", "measured", "expect"]),
    st.floats(0, 1e6, allow_nan=False),
    st.floats(0, 3, allow_nan=False),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEP, max_size=80), st.floats(1.5, 100), st.one_of(st.none(), st.floats(0, 1e7)))
def test_whatever_happens_the_pace_keeps_its_bounds(
    steps: list[tuple[str, float, float]], factor: float, capacity: float | None
) -> None:
    now, media_rate = 0.0, MEDIA_RATE
    tested = LivePace(media_rate, factor, now, capacity)
    for what, value, passed in steps:
        now += passed
        if what == "sent":
            tested.sent(int(value), now)
        elif what == "acknowledged":
            tested.acknowledged(int(value), now)
        elif what == "measured":
            tested.measured(value / 1e5, now)
        else:
            tested.expect(value)
            media_rate = max(value, LEAST_MEDIA_RATE) if value > 0 else media_rate
        assert LEAST_PART * media_rate * 0.999 <= tested.rate <= factor * media_rate * 1.001
        assert tested.window >= live_pace.LEAST_WINDOW_BYTES
        assert tested.fade_seconds >= 0.3


def test_the_memory_of_links_is_bounded_in_time_and_number() -> None:
    memory = PaceMemory()
    assert memory.recall("a", 0.0) is None
    memory.note("a", 20_000, 0.0)
    assert memory.recall("a", REMEMBERED_SECONDS) == 20_000
    assert memory.recall("a", REMEMBERED_SECONDS + 1) is None
    for number in range(MOST_HOSTS - 1):
        memory.note(str(number), number, 10.0)
    memory.note("a", 30_000, 10.0)
    memory.note("new", 1.0, 10.0)
    assert memory.recall("a", 10.0) == 30_000
    assert memory.recall("0", 10.0) is None
    assert memory.recall("1", 10.0) == 1


def test_where_others_keep_a_small_queue_the_stream_still_gets_what_it_needs() -> None:
    """After a jam, the queue of others stays between the two bounds, and drains for a moment from time to time."""
    pace, now = LivePace(MEDIA_RATE, FACTOR, 0.0), 0.0

    def drive(seconds: float, wait: Callable[[float], float], arrives: float = 40_000) -> None:
        nonlocal now
        end, credit = now + seconds, 0.0
        while now < end:
            now += 0.02
            credit += min(pace.rate, arrives) * 0.02
            while credit >= PACKET:
                credit -= PACKET
                pace.sent(PACKET, now)
                pace.measured(0.05 + wait(now), now)
                pace.acknowledged(PACKET, now)

    drive(5, lambda at: 0.0)
    drive(4, lambda at: min(0.4 * (at - 5), 1.15), 6_000)
    assert pace.rate < 0.5 * MEDIA_RATE
    for _ in range(3):
        drive(0.4, lambda at: 0.01)
        drive(19.6, lambda at: 0.2 + 0.01 * math.sin(7 * at))
        assert pace.rate >= MEDIA_RATE
