"""The bad link as a value: packets, times and chances in, arrivals out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.chaos.link_model import LinkModel, LinkSettings

RATE = 80_000.0
"""Ten bytes a millisecond."""
Sent = tuple[float, int]
"""When, and how many bytes."""

shares = st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0])
seconds = st.sampled_from([0.0, 0.02, 0.3])
any_settings = st.builds(
    LinkSettings,
    loss=shares,
    burst_loss=shares,
    burst_seconds=st.sampled_from([0.01, 0.5]),
    delay_seconds=seconds,
    jitter_seconds=seconds,
    reorders=st.booleans(),
    duplication=shares,
    rate=st.sampled_from([0.0, RATE, 10 * RATE]),
    queue_bytes=st.sampled_from([0, 1_000, 32_000]),
    largest_packet=st.sampled_from([0, 600]),
    is_dark=st.sampled_from([False, False, False, True]),
)
packets = st.lists(st.tuples(st.floats(0, 0.2), st.integers(1, 1500)), max_size=60)
"""Seconds after the one before, and bytes."""


def times_of(gaps: Sequence[Sent]) -> list[Sent]:
    sent, now = [], 0.0
    for gap, size in gaps:
        now += gap
        sent.append((now, size))
    return sent


class Run:
    """Sends packets, each called by its number, and looks whenever the model says that there is something."""

    def __init__(self, settings: LinkSettings, seed: int = 1) -> None:
        self.lost: list[int] = []
        self.arrivals: list[tuple[float, int]] = []
        self.model = LinkModel[int](settings, random.Random(seed).random, 0.0, self.lost.append)
        self._sent = 0

    def send(self, sent: Sequence[Sent]) -> Run:
        for at, size in sent:
            self.look(at)
            self.model.put(self._sent, size, at)
            self._sent += 1
        return self

    def look(self, until: float) -> Run:
        while (at := self.model.next_time()) is not None and at <= until:
            self.arrivals += [(at, number) for number in self.model.take(at)]
        return self

    def to_the_end(self) -> Run:
        return self.look(1e9)

    @property
    def order(self) -> list[int]:
        return [number for _, number in self.arrivals]


@given(any_settings, packets, st.integers())
def test_every_packet_arrives_or_is_lost_and_is_counted(settings: LinkSettings, gaps: list[Sent], seed: int) -> None:
    run = Run(settings, seed).send(times_of(gaps)).to_the_end()
    counters = run.model.counters
    assert sorted(set(run.order) | set(run.lost)) == list(range(len(gaps)))
    assert not set(run.order) & set(run.lost)
    assert (counters.offered, counters.offered_bytes) == (len(gaps), sum(size for _, size in gaps))
    assert counters.delivered == len(run.arrivals) == len(set(run.order)) + counters.duplicated
    assert counters.delivered_bytes == sum(gaps[number][1] for number in run.order)
    by_cause = counters.lost + counters.lost_in_the_dark + counters.too_large + counters.dropped_by_queue
    assert by_cause == len(run.lost)
    assert run.model.queued_bytes == 0
    assert run.model.next_time() is None


@given(any_settings, packets, st.integers())
def test_the_same_seed_has_the_same_luck(settings: LinkSettings, gaps: list[Sent], seed: int) -> None:
    sent = times_of(gaps)
    assert Run(settings, seed).send(sent).to_the_end().arrivals == Run(settings, seed).send(sent).to_the_end().arrivals


@given(any_settings, packets)
def test_nothing_arrives_before_its_delay_or_long_after(settings: LinkSettings, gaps: list[Sent]) -> None:
    settings = replace(settings, rate=0.0)
    sent = times_of(gaps)
    latest = settings.delay_seconds + settings.jitter_seconds
    for at, number in Run(settings).send(sent).to_the_end().arrivals:
        assert settings.delay_seconds - 1e-9 <= at - sent[number][0] <= latest + 1e-9


@given(any_settings, packets)
def test_the_order_is_kept_unless_jitter_may_change_it(settings: LinkSettings, gaps: list[Sent]) -> None:
    order = Run(replace(settings, reorders=False)).send(times_of(gaps)).to_the_end().order
    assert order == sorted(order)
    order = Run(replace(settings, reorders=True, jitter_seconds=0.0)).send(times_of(gaps)).to_the_end().order
    assert order == sorted(order)


def test_jitter_may_change_the_order() -> None:
    sent = [(0.01 * number, 100) for number in range(100)]
    order = Run(LinkSettings(jitter_seconds=0.3, reorders=True)).send(sent).to_the_end().order
    assert sorted(order) == list(range(100))
    assert order != sorted(order)


@given(packets, st.sampled_from([0, 3_000, 10**9]))
def test_the_rate_is_never_exceeded_and_the_queue_never_too_long(gaps: list[Sent], queue_bytes: int) -> None:
    sent = times_of(gaps)
    run = Run(LinkSettings(rate=RATE, queue_bytes=queue_bytes))
    for one in sent:
        run.send([one])
        assert run.model.queued_bytes <= max(queue_bytes, 1500)
    run.to_the_end()
    # From the first bit of one packet to the last of another, no more passes than the rate allows.
    for first, (begin, number) in enumerate(run.arrivals):
        begin -= sent[number][1] * 8 / RATE
        size = 0
        for at, other in run.arrivals[first:]:
            size += sent[other][1]
            assert size * 8 <= (at - begin) * RATE + 1e-3


def test_a_link_with_a_rate_is_used_to_the_full() -> None:
    sent = [(0.0, 1000)] * 30
    arrivals = Run(LinkSettings(rate=RATE, queue_bytes=10**6)).send(sent).to_the_end().arrivals
    assert [at for at, _ in arrivals] == pytest.approx([0.1 * (number + 1) for number in range(30)])


def test_what_waits_goes_at_the_new_rate_as_soon_as_that_changes() -> None:
    settings = LinkSettings(rate=RATE, queue_bytes=10**6)
    run = Run(settings).send([(0.0, 1000)] * 4)
    run.look(0.15)
    run.model.change(replace(settings, rate=10 * RATE), 0.15)
    # The second packet is half through after 0.15 s; its other half takes a tenth of 0.05 s.
    assert [at for at, _ in run.to_the_end().arrivals] == pytest.approx([0.1, 0.155, 0.165, 0.175])


def test_what_waits_when_the_rate_is_taken_away_goes_at_once() -> None:
    settings = LinkSettings(rate=RATE, queue_bytes=10**6)
    run = Run(settings).send([(0.0, 1000)] * 4)
    run.model.change(LinkSettings(), 0.05)
    assert run.model.take(0.05) == [0, 1, 2, 3]


def test_what_comes_when_the_queue_is_full_is_dropped() -> None:
    run = Run(LinkSettings(rate=RATE, queue_bytes=2500)).send([(0.0, 1000)] * 4 + [(0.15, 1000)] * 2).to_the_end()
    assert run.order == [0, 1, 4]
    assert run.lost == [2, 3, 5]
    assert run.model.counters.dropped_by_queue == 3


def test_what_would_leave_in_the_dark_is_lost_and_what_is_on_its_way_is_not() -> None:
    settings = LinkSettings(rate=RATE, queue_bytes=10**6, delay_seconds=0.5)
    run = Run(settings).send([(0.0, 1000)] * 4)
    run.model.change(replace(settings, is_dark=True), 0.25)
    run.model.change(settings, 0.35)
    run.send([(0.6, 1000)]).to_the_end()
    assert run.order == [0, 1, 3, 4]
    assert run.model.counters.lost_in_the_dark == 1


def test_big_packets_vanish() -> None:
    run = Run(LinkSettings(largest_packet=1300)).send([(0.0, 1300), (0.0, 1301), (0.0, 40)]).to_the_end()
    assert run.order == [0, 2]
    assert run.model.counters.too_large == 1


@pytest.mark.parametrize("loss", [0.01, 0.2, 0.5])
def test_so_many_are_lost_as_was_asked_for(loss: float) -> None:
    run = Run(LinkSettings(loss=loss)).send([(0.0, 100)] * 20_000)
    assert len(run.lost) / 20_000 == pytest.approx(loss, rel=0.2)


@pytest.mark.parametrize("share", [0.1, 0.25])
@pytest.mark.parametrize("gap", [0.05, 0.7])
def test_bursts_are_a_matter_of_time_and_not_of_how_much_is_sent(share: float, gap: float) -> None:
    count = 100_000
    run = Run(LinkSettings(burst_loss=share, burst_seconds=0.5)).send([(gap * n, 100) for n in range(count)])
    run.to_the_end()
    assert len(run.lost) / count == pytest.approx(share, rel=0.15)
    if gap < 0.1:
        lost = set(run.lost)
        bursts = sum(1 for number in lost if number - 1 not in lost)
        assert len(lost) * gap / bursts == pytest.approx(0.5, rel=0.15), "the mean length of a burst"


def test_so_many_come_twice_as_was_asked_for() -> None:
    run = Run(LinkSettings(duplication=0.2)).send([(0.0, 100)] * 10_000).to_the_end()
    assert run.model.counters.duplicated / 10_000 == pytest.approx(0.2, rel=0.1)


def test_what_is_on_the_air_has_a_bound() -> None:
    run = Run(LinkSettings(delay_seconds=60.0)).send([(0.0, 1_000_000)] * 70).to_the_end()
    assert len(run.order) == 64
    assert run.model.counters.dropped_by_queue == 6


def test_what_has_arrived_is_not_on_the_air_any_more() -> None:
    run = Run(LinkSettings(delay_seconds=1.0)).send([(2.0 * number, 1_000_000) for number in range(70)]).to_the_end()
    assert len(run.order) == 70


def test_bursts_begin_and_end_with_the_settings() -> None:
    run = Run(LinkSettings()).send([(0.0, 100)])
    run.model.change(LinkSettings(burst_loss=1.0), 1.0)
    run.send([(2.0, 100)])
    run.model.change(LinkSettings(), 3.0)
    run.send([(4.0, 100)]).to_the_end()
    assert run.order == [0, 2]
