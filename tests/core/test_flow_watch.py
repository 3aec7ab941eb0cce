"""A source that starves is noticed; one that only stumbles is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.flow_watch import FlowWatch

STEP = 0.1


def starved_at(audio_seconds: Callable[[float], float], until: float, window_seconds: float = 20.0) -> float | None:
    """When a watch first calls a source starving whose audio grows as given; None when never."""
    started = 1000.0
    watch = FlowWatch(started, window_seconds)
    for step in range(1, int(until / STEP)):
        elapsed = step * STEP
        seconds = audio_seconds(elapsed)
        watch.observe(started + elapsed, seconds)
        if watch.is_starving(started + elapsed, seconds):
            return elapsed
    return None


def paused(begin: float, length: float, *, caught_up: bool) -> Callable[[float], float]:
    """Real time with a burst of 8 s, and one pause, behind which what was missed comes at once or never."""

    def audio_seconds(elapsed: float) -> float:
        lost = min(max(elapsed - begin, 0.0), length)
        return 8.0 + elapsed - (0.0 if caught_up and elapsed >= begin + length else lost)

    return audio_seconds


@pytest.mark.parametrize("burst", [0.0, 3.0, 10.0, 30.0])
def test_a_source_in_real_time_is_never_cut(burst: float) -> None:
    assert starved_at(lambda elapsed: burst + elapsed, 300) is None


@pytest.mark.parametrize("drift", [-1e-3, 1e-3])
def test_a_clock_that_drifts_is_never_cut(drift: float) -> None:
    assert starved_at(lambda elapsed: 5.0 + elapsed * (1 + drift), 2000) is None


@pytest.mark.parametrize("burst", [0.0, 10.0])
def test_a_link_that_is_too_thin_is_cut_a_window_after_the_burst(burst: float) -> None:
    at = starved_at(lambda elapsed: burst + 0.5 * elapsed, 300)
    assert at == pytest.approx(burst + 20.0, abs=1.0)


def test_a_server_that_pauses_until_its_burst_is_used_up_is_not_cut() -> None:
    assert starved_at(lambda elapsed: max(25.0, elapsed), 300) is None


@pytest.mark.parametrize("caught_up", [True, False])
@pytest.mark.parametrize("begin", [0.5, 7.0, 8.5, 40.0])
def test_one_pause_that_the_timeout_allows_is_not_cut(begin: float, caught_up: bool) -> None:
    assert starved_at(paused(begin, 4.9, caught_up=caught_up), 200) is None


def test_pause_after_pause_is_cut() -> None:
    # 4 s of nothing, 2 s of audio, and so on: HTTPTIMEOUT never sees it.
    assert starved_at(lambda elapsed: 2.0 * (elapsed // 6) + max(elapsed % 6 - 4.0, 0.0), 300) is not None


def test_a_source_that_weakens_after_a_day_is_cut_soon() -> None:
    day = 86_400.0
    watch = FlowWatch(0.0)
    for second in range(0, int(day), 7):
        watch.observe(second, 10.0 + second * 1.001)
    before = 10.0 + day * 1.001
    starving = [second for second in range(1, 60) if _is_cut(watch, day + second, before + 0.4 * second)]
    assert 10 < starving[0] <= 25


def _is_cut(watch: FlowWatch, now: float, seconds: float) -> bool:
    watch.observe(now, seconds)
    return watch.is_starving(now, seconds)


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 4.9), min_size=1, max_size=100))
def test_pieces_that_come_late_but_complete_are_not_cut(gaps: list[float]) -> None:
    watch = FlowWatch(0.0)
    now = 0.0
    for gap in gaps:
        now += gap
        watch.observe(now, now)
        assert not watch.is_starving(now, now)
