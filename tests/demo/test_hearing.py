"""The judge of what a listener hears."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.demo.hearing import FrameCheck, Heard, KnownFrames, learn_programme
from distreamer.demo.programme import programme_of
from tests.support.made_audio import mp3_frame

LENGTH = 40


def known_row(count: int = LENGTH, repeats: bool = False) -> KnownFrames:
    known = KnownFrames()
    for number in range(count):
        known.learn(mp3_frame(number))
    known.repeats = repeats
    return known


def checked(known: KnownFrames, numbers: list[int]) -> FrameCheck:
    check = FrameCheck(known)
    for number in numbers:
        check.heard(mp3_frame(number))
    return check


@pytest.mark.parametrize(
    ("numbers", "missing", "repeated", "strange"),
    [
        ([], 0, 0, 0),
        ([5], 0, 0, 0),
        ([0, 1, 2, 3], 0, 0, 0),
        ([7, 8, 9], 0, 0, 0),
        ([0, 1, 5, 6], 3, 0, 0),
        ([0, 1, 1, 2], 0, 1, 0),
        ([0, 1, 2, 3, 1, 2, 3, 4], 0, 3, 0),
        ([0, 1, 999, 3], 1, 0, 1),
        ([999, 0, 1], 0, 0, 1),
        ([0, 1, 1000, 1001, 2], 0, 0, 2),
    ],
)
def test_frames_are_compared_with_the_known_row(numbers: list[int], missing: int, repeated: int, strange: int) -> None:
    check = checked(known_row(), numbers)
    assert (check.missing, check.repeated, check.strange) == (missing, repeated, strange)
    assert check.frames == len(numbers)


def test_a_programme_that_repeats_goes_on_with_its_beginning() -> None:
    assert checked(known_row(repeats=True), [38, 39, 0, 1]).missing == 0
    assert checked(known_row(repeats=True), [38, 1, 2]).missing == 2
    assert checked(known_row(repeats=True), [0, 1, 39, 0, 1, 2]).repeated == 3
    assert checked(known_row(repeats=False), [38, 39, 0]).repeated == 40


def test_equal_frames_do_not_mislead() -> None:
    known = KnownFrames()
    row = [mp3_frame(number) for number in (1, 7, 7, 7, 2, 7, 7, 3)]
    for frame in row:
        known.learn(frame)
    check = FrameCheck(known)
    for frame in row[2:]:
        check.heard(frame)
    assert (check.missing, check.repeated) == (0, 0)
    check = FrameCheck(known)
    for frame in (row[0], row[1], row[3], row[4]):
        check.heard(frame)
    assert check.missing == 1


def test_nothing_is_judged_while_nothing_is_known() -> None:
    check = checked(KnownFrames(), [5, 3, 999])
    assert (check.frames, check.missing, check.repeated, check.strange) == (3, 0, 0, 0)


def test_the_oldest_frames_are_forgotten_and_the_places_stay() -> None:
    known = KnownFrames(maximum=10)
    for number in range(25):
        known.learn(mp3_frame(number))
    assert len(known) == 25
    assert known.places(mp3_frame(14)) == ()
    assert known.places(mp3_frame(15)) == (15,)
    assert checked(known, [15, 16, 20]).missing == 3


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(1, LENGTH - 2), max_size=15))
def test_each_frame_that_is_left_out_is_counted(left_out: set[int]) -> None:
    heard = [number for number in range(LENGTH) if number not in left_out]
    check = checked(known_row(), heard)
    assert (check.missing, check.repeated, check.strange) == (len(left_out), 0, 0)


def test_a_programme_is_learnt_while_it_is_made() -> None:
    programme = programme_of([("Song", [mp3_frame(number) for number in range(3)])])
    programme.complete = False
    known = KnownFrames()
    learn_programme(known, programme)
    assert (len(known), known.repeats) == (3, False)
    programme.frames.append(mp3_frame(3))
    programme.complete = True
    learn_programme(known, programme)
    learn_programme(known, programme)
    assert (len(known), known.repeats) == (4, True)
    assert known.following(3) == 0


# -- the verdict


def test_the_verdict_in_words() -> None:
    assert Heard(60).sentence == (
        "A listener heard 60 s of programme: 0 s of silence, 0 frames missing, 0 repeated, 0 disconnects"
    )
    assert Heard(190.4, 2.5, 1, 1, 2, 3, 1).sentence == (
        "A listener heard 3 min 10 s of programme: 2.5 s of silence, 1 frame missing, 2 repeated, 3 frames damaged, "
        "1 disconnect"
    )


@pytest.mark.parametrize(
    ("heard", "flawless"),
    [
        (Heard(60), True),
        (Heard(60, silent_seconds=0.01), True),
        (Heard(), False),
        (Heard(60, silent_seconds=0.1, stops=1), False),
        (Heard(60, missing=1), False),
        (Heard(60, repeated=1), False),
        (Heard(60, strange=1), False),
        (Heard(60, disconnects=1), False),
    ],
)
def test_only_the_programme_alone_is_flawless(heard: Heard, flawless: bool) -> None:
    assert heard.is_flawless is flawless


def test_the_check_knows_where_the_listener_is() -> None:
    known = known_row()
    known.learn(mp3_frame(3))
    check = FrameCheck(known)
    assert check.place is None
    check.heard(mp3_frame(7))
    assert check.place == 7
    check.heard(mp3_frame(999))
    assert check.place == 7, "a frame from elsewhere is nowhere"
    other = FrameCheck(known)
    other.heard(mp3_frame(3))
    assert other.place == LENGTH, "the last of equal frames"
