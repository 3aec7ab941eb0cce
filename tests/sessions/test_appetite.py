"""How much of what was missed is asked for."""

from __future__ import annotations

from distreamer.core.comeback import Oldest
from distreamer.core.store import Store, StoreLimits
from distreamer.sessions.appetite import MOST_TRIES, Appetite, Wish
from tests.support.made_audio import INFO, fragment

FULL, BACK = 25.0, 30.0


class Receiver:
    """Holds 1 to 40; the link was dark while 41 to 100 came to be, and its listeners hear filler."""

    def __init__(self) -> None:
        self.store = Store(StoreLimits(200.0))
        self.store.open_epoch(1, INFO)
        self.appetite = Appetite(self.store)
        self.live = 100
        self.now = 500.0
        self.add(range(1, 41))

    def add(self, numbers: range) -> None:
        for number in numbers:
            self.store.add(fragment(number))

    def look(self, *, skips: bool = True, behind: float | None = None) -> Wish | None:
        """What is asked for anew, if anything is."""
        oldest = Oldest(FULL, fragment(self.live - int(FULL)).captured_at)
        newest = self.store.newest()
        assert newest is not None
        lag = self.live - newest.number if behind is None else behind
        is_other = self.appetite.look(self.now, oldest if skips else None, FULL, lag)
        return self.appetite.wish(BACK) if is_other else None

    def bring(self, numbers: range, speed: float) -> list[Wish]:
        """They come at that speed while live goes on; what was asked for meanwhile."""
        asked = []
        for number in numbers:
            self.now += 1 / speed
            self.live = 100 + int(self.now - 500.0)
            self.store.add(fragment(number))
            if wish := self.look():
                asked.append(wish)
        return asked


def test_as_long_as_nothing_is_skipped_all_is_wanted() -> None:
    receiver = Receiver()
    assert receiver.look(skips=False) is None
    assert receiver.appetite.wish(BACK) == Wish(BACK, 200.0)


def test_while_filler_is_heard_only_what_can_be_heard_is_wanted_and_then_all_that_follows_it() -> None:
    receiver = Receiver()
    assert receiver.look() == Wish(24.0, 24.0)
    assert receiver.look() is None
    # These were on their way before.
    receiver.add(range(41, 43))
    assert receiver.look() is None
    assert receiver.bring(range(77, 90), speed=5.0) == [Wish(24.0, 200.0)]


def test_over_a_slow_link_less_is_wanted() -> None:
    receiver = Receiver()
    receiver.look()
    first, less, *_ = receiver.bring(range(77, 90), speed=1.2)
    assert first == Wish(24.0, 200.0)
    assert less.back_seconds == less.resume_seconds < 10


def test_what_was_skipped_is_fetched_backwards_while_nothing_waits() -> None:
    receiver = Receiver()
    receiver.look()
    receiver.add(range(76, 101))
    receiver.look()
    oldest, steps = 76, 0
    while oldest > 41:
        assert receiver.look(skips=False, behind=5.0) is None
        wish = receiver.look(skips=False)
        assert wish is not None
        assert wish.resume_seconds == 200.0
        wanted = max(100 - int(wish.back_seconds), 41)
        assert oldest - 2 <= wanted < oldest
        receiver.add(range(wanted, oldest))
        oldest, steps = wanted, steps + 1
    assert steps > 10
    receiver.look(skips=False)
    assert receiver.appetite.wish(BACK) == Wish(BACK, 200.0)


def test_what_the_sender_has_no_more_is_not_asked_for_without_end() -> None:
    receiver = Receiver()
    receiver.look()
    receiver.add(range(76, 101))
    receiver.look()
    wishes = []
    for number in range(101, 180):
        receiver.live = number
        receiver.add(range(number, number + 1))
        wishes.append(receiver.look(skips=False))
    assert sum(wish is not None for wish in wishes) <= MOST_TRIES + 3
    assert receiver.appetite.wish(BACK) == Wish(BACK, 200.0)
