"""When filler ends, and how old what is played behind it may be."""

from __future__ import annotations

import pytest

from distreamer.core.filler import Filler, FillerRules, OnReturn
from distreamer.core.played import Played
from distreamer.core.programme_return import MOST_CATCH_UP_SECONDS, TOO_OLD_SECONDS, ProgrammeReturn
from distreamer.core.store import START, Store, StoreLimits
from tests.support.made_audio import INFO, fragment

DELAY = 20.0


class Outage:
    """A playout's end behind fragment 10, at 0 s, where filler is played; what was missed comes by the test."""

    def __init__(self, on_return: OnReturn = OnReturn.LIVE, most: float = 30.0, keeps: float = 300.0) -> None:
        self.store = Store(StoreLimits(seconds=keeps))
        self.store.open_epoch(1, INFO)
        self.returns = ProgrammeReturn(self.store, lambda: DELAY, 5.0, FillerRules(Filler(), on_return, most))
        for number in range(1, 11):
            self.store.add(fragment(number))
        self.head = self.store.position_of(fragment(10))
        self.returns.ran_dry(Played(fragment(10), INFO, -1.0, discontinuity=False), 0.0)

    def bring(self, now: float, *numbers: int) -> None:
        for number in numbers:
            self.store.add(fragment(number))
            self.returns.observe(now)

    def next_number(self, now: float, *, is_hastened: bool = False) -> int | None:
        """Of the fragment with which the programme goes on; None while filler does."""
        place = self.returns.place(now, self.head, DELAY, is_hastened=is_hastened)
        first = None if place is None else self.store.after(place)
        return None if first is None else first.number


@pytest.mark.parametrize(
    ("on_return", "most", "first"),
    [
        (OnReturn.LIVE, 30.0, 51),  # 51 to 70 are the last 20 s.
        (OnReturn.CONTINUE, 30.0, 41),
        (OnReturn.CONTINUE, 120.0, 11),  # All that was missed.
        (OnReturn.CONTINUE, 5.0, 51),  # MAXDELAY has no effect below DELAY.
    ],
)
def test_what_is_too_old_when_all_is_there_is_skipped(on_return: OnReturn, most: float, first: int) -> None:
    outage = Outage(on_return, most)
    outage.bring(60.0, *range(11, 71))
    assert outage.next_number(62.0) == first


def test_the_rest_of_what_was_missed_is_waited_for_while_it_comes_fast_and_not_for_long() -> None:
    outage = Outage()
    outage.bring(60.0, *range(11, 41))
    assert outage.next_number(60.0) is None
    assert outage.next_number(60.0, is_hastened=True) == 21
    for step in range(1, 100):
        now = 60.0 + step / 4
        outage.bring(now, 40 + step)
        if outage.next_number(now) is not None:
            break
    assert now == 60.0 + MOST_CATCH_UP_SECONDS


def test_the_programme_is_not_played_before_the_buffer_is_full() -> None:
    outage = Outage()
    outage.bring(60.0, *range(52, 71))
    assert outage.next_number(62.0) is None
    outage.bring(63.0, 71)
    assert outage.next_number(65.0) == 52


def test_a_store_that_holds_no_more_is_as_good_as_a_full_buffer() -> None:
    outage = Outage(keeps=15.0)
    outage.bring(60.0, *range(11, 71))
    assert outage.store.seconds < DELAY
    assert outage.next_number(62.0) == 56


@pytest.mark.parametrize(("on_return", "longest"), [(OnReturn.LIVE, 20.0), (OnReturn.CONTINUE, 30.0)])
def test_who_fetches_is_told_how_old_it_may_be(on_return: OnReturn, longest: float) -> None:
    outage = Outage(on_return)
    oldest = outage.returns.oldest_wanted(60.0)
    assert oldest.delay_seconds == longest
    # At 0 s what follows fragment 10 was due, and as old as it should be.
    assert oldest.captured_at == fragment(11).captured_at + 60.0 - (longest - DELAY) - TOO_OLD_SECONDS


def test_whoever_was_told_is_relied_upon_until_the_programme_is_back() -> None:
    outage = Outage()
    outage.returns.oldest_wanted(60.0)
    # Fetched so fast that the buffer will soon be full, it is played before it is.
    for step in range(8):
        outage.bring(60.0 + step / 8, 71 + step)
    assert outage.next_number(61.0) == 71
    outage.returns.happened()
    assert outage.next_number(61.0) is None


def test_without_filler_little_is_enough_and_nothing_is_too_old() -> None:
    store = Store()
    returns = ProgrammeReturn(store, lambda: DELAY, 5.0, None)
    assert returns.wanted_seconds(DELAY, is_filling=False) == 5.0
    assert returns.wanted_seconds(DELAY, is_filling=True) == DELAY
    assert returns.is_enough(5.0, 5.0)
    assert not returns.is_enough(4.9, 5.0)
    assert not returns.is_enough(store.seconds_after(START), 0.0)
