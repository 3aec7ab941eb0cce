"""What TCP makes of a bad link."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.chaos.tcp_flow import (
    FIRST_WINDOW,
    HEADER_BYTES,
    LARGEST_WINDOW,
    MAXIMUM_UNSENT_BYTES,
    SEGMENT_BYTES,
    Segment,
    TcpFlow,
)

DELAY_SECONDS = 0.05


class Journey:
    """Brings the segments of a flow to the far end; ``is_lost`` says which do not arrive, by the time they leave."""

    def __init__(self, flow: TcpFlow, is_lost: Callable[[float], bool] = lambda now: False) -> None:
        self.flow = flow
        self.now = 0.0
        self.arrived: list[tuple[float, Segment]] = []
        self._is_lost = is_lost
        self._under_way: list[tuple[float, int, Segment]] = []
        self._sent = 0

    def go(self, until: float = 1e6) -> Journey:
        """Up to ``until``, or until nothing happens any more."""
        while True:
            for segment in self.flow.due(self.now):
                self._sent += 1
                if self._is_lost(self.now):
                    self.flow.lost(segment, self.now)
                else:
                    heapq.heappush(self._under_way, (self.now + DELAY_SECONDS, self._sent, segment))
            times = [time for time, _, _ in self._under_way[:1]]
            if (repeat := self.flow.next_time()) is not None:
                times.append(repeat)
            if not times or min(times) > until:
                return self
            self.now = min(times)
            while self._under_way and self._under_way[0][0] <= self.now:
                _, _, segment = heapq.heappop(self._under_way)
                self.arrived += [(self.now, one) for one in self.flow.arrived(segment)]

    @property
    def data(self) -> bytes:
        return b"".join(segment.data for _, segment in self.arrived)


def open_flow() -> TcpFlow:
    return TcpFlow(2 * DELAY_SECONDS, is_open=True)


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@given(st.lists(st.integers(0, 5000), max_size=8), st.sampled_from([0.0, 0.1, 0.5, 0.8]), st.integers())
def test_all_arrives_once_and_in_order_whatever_is_lost(sizes: list[int], loss: float, seed: int) -> None:
    chance = random.Random(seed).random
    flow = TcpFlow(2 * DELAY_SECONDS, is_open=False)
    flow.open()
    for size in sizes:
        flow.write(some(size))
    flow.end()
    journey = Journey(flow, lambda now: chance() < loss).go()
    segments = [segment for _, segment in journey.arrived]
    assert journey.data == b"".join(map(some, sizes))
    assert [segment.opens for segment in segments] == [True] + [False] * (len(segments) - 1)
    assert [segment.ends for segment in segments] == [False] * (len(segments) - 1) + [True]
    assert all(0 < segment.size <= SEGMENT_BYTES + HEADER_BYTES for segment in segments)


def test_nothing_is_sent_before_the_connection_is_open() -> None:
    flow = TcpFlow(2 * DELAY_SECONDS, is_open=False)
    flow.open()
    flow.write(b"hello")
    (opening,) = flow.due(0.0)
    assert opening.opens
    assert flow.due(1.0) == []
    assert flow.arrived(opening) == [opening]
    (hello,) = flow.due(1.0)
    assert hello.data == b"hello"


def test_an_opening_that_is_lost_comes_again_after_one_two_and_four_seconds() -> None:
    flow = TcpFlow(2 * DELAY_SECONDS, is_open=False)
    flow.open()
    journey = Journey(flow, lambda now: now < 6.9).go()
    assert [at for at, _ in journey.arrived] == [pytest.approx(7 + DELAY_SECONDS)]
    assert flow.repeated == 3


def test_one_lost_segment_holds_up_those_behind_it_for_a_round_trip() -> None:
    losses = iter([False, True])
    flow = open_flow()
    flow.write(some(4 * SEGMENT_BYTES))
    journey = Journey(flow, lambda now: next(losses, False)).go()
    repeated = pytest.approx(2 * DELAY_SECONDS + DELAY_SECONDS)
    assert [at for at, _ in journey.arrived] == [DELAY_SECONDS, repeated, repeated, repeated]
    assert flow.repeated == 1


def test_it_sleeps_on_when_a_long_outage_is_over() -> None:
    flow = open_flow()
    flow.write(b"hello")
    journey = Journey(flow, lambda now: now < 15).go()
    # 0.1 s, then 0.6, 1.2, 2.4, 4.8 and 9.6 s: the last try before the end of the outage is at 9.1 s.
    assert [at for at, _ in journey.arrived] == [pytest.approx(18.7 + DELAY_SECONDS)]


def test_the_window_begins_small_and_grows_with_what_arrives() -> None:
    flow = open_flow()
    flow.write(some(100 * SEGMENT_BYTES))
    first = flow.due(0.0)
    assert len(first) == FIRST_WINDOW
    assert flow.due(0.0) == []
    for segment in first:
        flow.arrived(segment)
    assert len(flow.due(0.0)) == 2 * FIRST_WINDOW


def test_the_window_is_halved_by_a_loss() -> None:
    flow = open_flow()
    flow.write(some(100 * SEGMENT_BYTES))
    first = flow.due(0.0)
    flow.lost(first[0], 0.0)
    for segment in first[1:]:
        flow.arrived(segment)
    assert flow.due(0.0) == [], "while a segment is missing nothing new is sent"
    repeated, *new = flow.due(1.0)
    assert repeated is first[0]
    assert FIRST_WINDOW // 2 <= 1 + len(new) < FIRST_WINDOW


def test_what_is_under_way_and_what_waits_have_bounds() -> None:
    flow = open_flow()
    while flow.wants_more:
        flow.write(bytes(10_000))
    assert flow._unsent_bytes <= MAXIMUM_UNSENT_BYTES + 10_000
    journey, under_way = Journey(flow), 0
    for _ in range(20):
        flow.write(bytes(2 * LARGEST_WINDOW * SEGMENT_BYTES))
        journey.go(journey.now + DELAY_SECONDS)
        under_way = max(under_way, flow._under_way)
    assert under_way == LARGEST_WINDOW


def test_a_segment_that_comes_twice_counts_once() -> None:
    flow = open_flow()
    flow.write(b"hello")
    (hello,) = flow.due(0.0)
    assert flow.arrived(hello) == [hello]
    assert flow.arrived(hello) == []
    assert flow._under_way == 0


def test_a_reset_follows_what_was_sent_and_drops_what_was_not() -> None:
    flow = open_flow()
    flow.write(some(20 * SEGMENT_BYTES))
    sent = flow.due(0.0)
    flow.break_off()
    for segment in sent:
        flow.arrived(segment)
    (reset,) = flow.due(0.0)
    assert reset.breaks
    assert reset.ends
    assert flow.arrived(reset) == [reset]


def test_a_connection_that_was_never_opened_can_be_reset() -> None:
    flow = TcpFlow(2 * DELAY_SECONDS, is_open=False)
    flow.break_off()
    (reset,) = flow.due(0.0)
    assert flow.arrived(reset)[0].breaks
