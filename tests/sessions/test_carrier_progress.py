"""When a carrier that is alive is said to bring too little, by numbers and times alone."""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.sessions.carrier_progress import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    PROBATION_SECONDS,
    QUIET_SECONDS,
    SLOW_FRAGMENTS,
    SLOW_SECONDS,
    CarrierProgress,
)


def progress() -> CarrierProgress:
    made = CarrierProgress()
    made.begin(100.0)
    return made


def slow_at(behind: Sequence[int | None], made: CarrierProgress | None = None) -> list[int]:
    """The seconds at which it is slow, when the receiver is so many fragments behind in each."""
    tested = made or progress()
    found = []
    for second, count in enumerate(behind):
        tested.look(count, 100.0 + second)
        if tested.is_slow(100.0 + second):
            found.append(second)
    return found


def test_what_keeps_up_is_not_slow() -> None:
    assert slow_at([0, 1, 2, 1, 0, None, 2, 1] * 20) == []


def test_what_falls_behind_is_slow_when_it_is_far_enough_behind_and_no_nearer_for_a_while() -> None:
    growing = [second // 2 for second in range(60)]
    assert slow_at(growing)[0] == max(2 * SLOW_FRAGMENTS, SLOW_SECONDS)
    standing = [7] * 60
    assert slow_at(standing) == []
    far = [20] * 60
    assert slow_at(far)[0] == SLOW_SECONDS


def test_what_catches_up_is_not_slow_however_far_behind_it_is() -> None:
    assert slow_at([40 - second // 5 for second in range(150)]) == []


def test_a_dip_of_a_quarter_of_a_minute_is_not_enough() -> None:
    there, back = [second // 2 for second in range(15)], [max(0, 7 - second) for second in range(20)]
    assert slow_at(there + back) == []


def test_another_carrier_begins_anew() -> None:
    tested = progress()
    assert slow_at([20] * 12, tested)
    tested.begin(200.0)
    assert not tested.is_slow(200.0)
    tested.look(20, 201.0)
    assert not tested.is_slow(201.0)


def test_changes_become_rarer() -> None:
    tested = progress()
    now, pauses = 100.0, []
    for _ in range(10):
        assert tested.may_change(now)
        tested.changes(now)
        pause = 0.0
        while not tested.may_change(now + pause):
            pause += 1.0
        pauses.append(pause)
        now += pause
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_silences_do_not_hide_that_it_never_comes_nearer() -> None:
    tested = progress()
    slow = False
    for second in range(60):
        now = 100.0 + second
        if second % 6 >= 4:
            tested.silent(now)
        else:
            tested.look(3 + second // 2, now)
            slow = slow or tested.is_slow(now)
    assert slow


def test_what_was_missed_in_a_silence_and_comes_now_is_not_slow() -> None:
    tested = progress()
    tested.look(1, 110.0)
    for second in range(111, 141):
        tested.silent(float(second))
    for second in range(30):
        tested.look(30 - second, 141.0 + second)
        assert not tested.is_slow(141.0 + second)


def test_a_kind_that_was_too_slow_has_to_prove_itself_when_it_is_tried_again() -> None:
    tested = progress()
    tested.begin(150.0, is_back=True)
    tested.look(5, 150.0)
    assert not tested.is_slow(155.0)
    tested.changes(200.0)
    tested.begin(260.0, is_back=True)
    tested.look(1, 261.0)
    tested.look(3, 262.0)
    assert not tested.is_slow(262.0)
    tested.look(3, 264.0)
    assert tested.is_slow(264.0)
    assert tested.may_change(264.0)
    tested.begin(300.0, is_back=True)
    tested.look(5, 300.0)
    tested.look(5, 300.0 + PROBATION_SECONDS)
    assert tested.is_slow(300.0 + PROBATION_SECONDS - 1)
    assert not tested.is_slow(300.0 + PROBATION_SECONDS)


def test_after_a_quiet_day_the_pauses_begin_anew() -> None:
    tested = progress()
    for _ in range(4):
        tested.changes(200.0)
    assert tested.pause_seconds > 4 * FIRST_PAUSE_SECONDS
    tested.changes(200.0 + QUIET_SECONDS)
    assert tested.pause_seconds == 2 * FIRST_PAUSE_SECONDS
