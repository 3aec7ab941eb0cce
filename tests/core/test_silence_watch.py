"""How long a programme has been silent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distreamer.core.silence_watch import BACK_DECIBELS, SilenceWatch
from distreamer.model.loudness import DIGITAL_SILENCE, SOME_SOUND, Loudness

LIMIT = -50.0


def at(level: float) -> Loudness:
    return Loudness(level, level - 10)


def silent_after(*pieces: Loudness) -> float:
    watch = SilenceWatch()
    for second, piece in enumerate(pieces, 1):
        watch.note(piece, LIMIT, 1.0, second)
    return watch.silent_seconds(len(pieces))


def test_silence_counts_from_its_beginning_and_sound_ends_it() -> None:
    assert silent_after(at(-20), at(-50.1), at(-60), DIGITAL_SILENCE) == 3
    assert silent_after(at(-60), at(-20)) == 0
    assert silent_after(at(-60), SOME_SOUND) == 0
    assert silent_after(at(-50)) == 0


def test_one_side_is_enough_to_be_heard() -> None:
    assert silent_after(Loudness(-80, -20)) == 0
    assert silent_after(Loudness(-80, -60)) == 1


def test_what_is_just_above_the_limit_is_silent_only_behind_silence() -> None:
    assert silent_after(at(-49), at(-49)) == 0
    assert silent_after(at(-51), at(-49), at(-48), at(-47.1)) == 4
    assert silent_after(at(-51), at(LIMIT + BACK_DECIBELS)) == 0


def test_nothing_that_comes_does_not_end_it_but_what_is_forgotten_does() -> None:
    watch = SilenceWatch()
    watch.note(DIGITAL_SILENCE, LIMIT, 1.0, 1.0)
    assert watch.silent_seconds(4.0) == 4
    watch.forget()
    assert watch.silent_seconds(4.0) == 0


@given(st.lists(st.floats(-100, 0) | st.none(), max_size=40), st.floats(-90, -10))
def test_it_is_as_long_as_the_last_pieces_are_soft(levels: list[float | None], limit: float) -> None:
    watch, expected = SilenceWatch(), 0
    for second, level in enumerate(levels, 1):
        watch.note(Loudness(level, level), limit, 1.0, second)
        is_soft = level is not None and level < limit + (BACK_DECIBELS if expected else 0)
        expected = expected + 1 if is_soft else 0
        assert watch.silent_seconds(second) == expected
