"""The playout of a program that was started anew, and held less than the time for which it was away."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.core.filler import Filler, FillerRules, OnReturn
from distreamer.core.played import Played
from distreamer.core.playout import FILLER_AFTER_SECONDS, Playout
from distreamer.core.programme_return import FIRST_ARRIVAL_SECONDS
from distreamer.core.store import Store
from distreamer.model.status import PlayoutState
from tests.support.made_audio import INFO, fragment

DELAY = 20.0
HELD, FULL = 60, 66
"""Fragments that an earlier run left: by chance less than DELAY behind what it played last, or more. Each is a second
long, and made a second after the other."""
AWAY_SECONDS = 92


class Restarted:
    """It is ``now`` AWAY_SECONDS after the earlier run ended; time is moved by the test."""

    def __init__(self, on_return: OnReturn | None, held: int = HELD) -> None:
        self.store = Store()
        self.store.open_epoch(1, INFO)
        self.bring(range(1, HELD + 1))
        rules = FillerRules(Filler(None), on_return, 300.0) if on_return else None
        earlier = Playout(self.store, lambda info: DELAY)
        self.played = earlier.advance(0.0)[-1].fragment.number
        """The last that it played."""
        assert earlier.place is not None
        self.now = earlier.place.next_due + AWAY_SECONDS
        self.bring(range(HELD + 1, held + 1))
        self.made = held + AWAY_SECONDS
        """The newest that the source has made."""
        self.playout = Playout(self.store, lambda info: DELAY, filler=rules)
        self.playout.resume(earlier.place, self.now)
        self.heard: list[Played] = []

    def bring(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.store.add(fragment(number))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        self.heard += self.playout.advance(self.now)
        while (due := self.playout.next_time()) is not None and due <= end:
            self.now = max(due, self.now)
            self.heard += self.playout.advance(self.now)
        self.now = end

    @property
    def numbers(self) -> list[int]:
        return [one.fragment.number for one in self.heard if not one.is_filler]


def test_who_asks_is_told_what_is_too_old_and_the_programme_goes_on_with_what_is_not() -> None:
    one = Restarted(OnReturn.LIVE)
    one.wait(FILLER_AFTER_SECONDS + 0.5)
    oldest = one.playout.oldest_wanted(one.now)
    assert oldest is not None
    assert oldest.delay_seconds == DELAY
    one.made += 2
    first = one.made - int(DELAY) + 1
    assert abs(oldest.captured_at - fragment(first).captured_at) < 3
    assert one.numbers == []
    one.bring(range(first, one.made + 1))
    one.wait(5)
    assert one.playout.state is PlayoutState.PLAYING
    assert first <= one.numbers[0] <= first + 1
    assert all(played.is_filler for played in one.heard[: -len(one.numbers)])


def test_policy_continue_plays_all_that_was_missed() -> None:
    one = Restarted(OnReturn.CONTINUE)
    one.wait(FILLER_AFTER_SECONDS + 0.5)
    assert one.playout.oldest_wanted(one.now) is not None
    one.bring(range(HELD + 1, one.made + 3))
    one.wait(60)
    assert one.numbers == list(range(one.played + 1, one.numbers[-1] + 1))


def test_when_nobody_brings_anything_a_full_buffer_is_better_than_filler() -> None:
    one = Restarted(OnReturn.LIVE, held=FULL)
    one.wait(FIRST_ARRIVAL_SECONDS - 0.5)
    assert one.playout.is_filling
    assert one.numbers == []
    one.wait(1)
    assert one.playout.state is PlayoutState.PLAYING
    one.wait(DELAY)
    assert one.numbers == list(range(one.numbers[0], FULL + 1))
    assert len(one.numbers) >= DELAY


def test_what_is_less_and_too_old_does_not_end_the_filler() -> None:
    one = Restarted(OnReturn.LIVE)
    one.wait(60)
    assert one.playout.is_filling
    assert one.numbers == []


def test_without_filler_a_full_buffer_is_played_after_a_moment_too() -> None:
    one = Restarted(None, held=FULL)
    one.wait(FIRST_ARRIVAL_SECONDS - 0.5)
    assert one.heard == []
    one.wait(1 + DELAY)
    assert one.numbers == list(range(one.numbers[0], FULL + 1))
