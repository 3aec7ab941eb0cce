"""Fragments: whole frames, about a second, titles at their byte."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.fragmenter import MAXIMUM_FRAGMENT_BYTES, MAXIMUM_TITLE_MARKS, Fragmenter
from distreamer.model.audio import Frame, Title
from distreamer.model.fragment import Fragment, TitleMark
from tests.support.made_audio import MP3, MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, frame


def fragments_of(fragmenter: Fragmenter, frames: list[Frame], titles: dict[int, Title] | None = None) -> list[Fragment]:
    """All fragments, the last one cut."""
    found: list[Fragment] = []
    for index, one in enumerate(frames):
        found += fragmenter.add(one, 100.0 + index, (titles or {}).get(index))
    return found + fragmenter.cut()


def test_a_fragment_is_the_first_whole_frames_that_last_a_second() -> None:
    first, *_ = fragments_of(Fragmenter(7, MP3.clock_rate), [frame(number) for number in range(80)])
    assert (first.epoch, first.number, first.start) == (7, 1, 0)
    assert first.duration == 39 * MP3_FRAME_SAMPLES
    assert first.audio == b"".join(frame(number).data for number in range(39))
    assert first.captured_at == 138.0


def test_numbers_and_times_follow_one_another() -> None:
    found = fragments_of(Fragmenter(7, MP3.clock_rate), [frame(number) for number in range(400)])
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert all(one.end == other.start for one, other in itertools.pairwise(found))


def test_a_title_stands_at_the_frame_with_which_it_begins() -> None:
    frames = [frame(number) for number in range(100)]
    first, second, third = fragments_of(Fragmenter(7, MP3.clock_rate), frames, {0: Title("A"), 41: Title("B")})
    assert (first.title, first.title_marks) == (Title("A"), ())
    assert (second.title, second.title_marks) == (Title("A"), (TitleMark(2 * MP3_FRAME_BYTES, Title("B")),))
    assert (third.title, third.title_marks) == (Title("B"), ())


def test_a_title_that_is_said_again_is_no_change() -> None:
    frames = [frame(number) for number in range(10)]
    (only,) = fragments_of(Fragmenter(7, MP3.clock_rate), frames, {0: Title("A"), 5: Title("A")})
    assert only.title_marks == ()


def test_new_set_up_headers_begin_a_fragment() -> None:
    frames = [frame(0, setup=b"one"), frame(1, setup=b"one"), frame(2, setup=b"two")]
    first, second = fragments_of(Fragmenter(7, MP3.clock_rate), frames)
    assert (first.setup, first.duration) == (b"one", 2 * MP3_FRAME_SAMPLES)
    assert (second.setup, second.duration) == (b"two", MP3_FRAME_SAMPLES)


def test_titles_that_come_too_fast_close_the_fragment_and_none_is_lost() -> None:
    frames = [frame(number) for number in range(30)]
    found = fragments_of(Fragmenter(7, MP3.clock_rate), frames, {number: Title(str(number)) for number in range(30)})
    assert [len(one.title_marks) for one in found] == [MAXIMUM_TITLE_MARKS, 12]
    assert [one.title for one in found] == [Title("0"), Title("17")]
    assert found[-1].last_title == Title("29")


def test_frames_that_last_no_time_go_with_the_next_and_never_alone() -> None:
    fragmenter = Fragmenter(7, MP3.clock_rate)
    fragmenter.add(frame(0, duration=0, setup=b"one"), 1.0)
    fragmenter.add(frame(1, setup=b"one"), 1.0)
    (first,) = fragmenter.cut()
    assert first.audio == frame(0).data + frame(1).data
    fragmenter.add(frame(2, duration=0, setup=b"one"), 1.0)
    assert fragmenter.add(frame(3, setup=b"two"), 1.0) == []
    (second,) = fragmenter.cut()
    assert (second.setup, second.audio) == (b"two", frame(3).data)
    assert fragmenter.dropped_bytes == MP3_FRAME_BYTES


def test_an_interruption_closes_the_fragment_and_marks_the_next() -> None:
    fragmenter = Fragmenter(7, MP3.clock_rate)
    fragmenter.add(frame(0), 1.0)
    (first,) = fragmenter.interrupt()
    fragmenter.add(frame(1), 2.0)
    (second,) = fragmenter.cut()
    assert (first.discontinuity, second.discontinuity) == (False, True)


def test_an_interruption_before_anything_marks_nothing() -> None:
    fragmenter = Fragmenter(7, MP3.clock_rate)
    assert fragmenter.interrupt() == []
    fragmenter.add(frame(0), 1.0)
    assert not fragmenter.cut()[0].discontinuity


def test_the_size_of_a_fragment_is_bounded() -> None:
    huge = Frame(bytes(300_000), 1, MP3, 0)
    fragmenter = Fragmenter(7, MP3.clock_rate)
    sizes = [len(done.audio) for _ in range(20) for done in fragmenter.add(huge, 1.0)]
    assert sizes
    assert max(sizes) < MAXIMUM_FRAGMENT_BYTES + len(huge.data)


@settings(deadline=None, max_examples=60)
@given(
    durations=st.lists(st.integers(1, 60_000), min_size=1, max_size=60),
    titles=st.dictionaries(st.integers(0, 59), st.sampled_from([Title("A"), Title("B"), Title("C")])),
    seconds=st.floats(0.2, 10),
)
def test_nothing_is_lost_whatever_the_frames_are(
    durations: list[int], titles: dict[int, Title], seconds: float
) -> None:
    frames = [frame(number, duration) for number, duration in enumerate(durations)]
    found = fragments_of(Fragmenter(7, MP3.clock_rate, seconds), frames, titles)
    assert b"".join(one.audio for one in found) == b"".join(one.data for one in frames)
    assert sum(one.duration for one in found) == sum(durations)

    heard: list[Title | None] = []
    for one in found:
        marks = {mark.offset: mark.title for mark in one.title_marks}
        title = one.title
        for offset in range(0, len(one.audio), MP3_FRAME_BYTES):
            title = marks.get(offset, title)
            heard.append(title)
    expected: list[Title | None] = []
    for index in range(len(frames)):
        expected.append(titles.get(index, expected[-1] if expected else None))
    assert heard == expected


def test_a_large_frame_does_not_lead_a_fragment_beyond_the_limit() -> None:
    def large(size: int) -> Frame:
        return Frame(bytes(size), 10, MP3, 0)

    half = MAXIMUM_FRAGMENT_BYTES // 2 + 1
    found = fragments_of(Fragmenter(7, MP3.clock_rate), [large(half), large(half), large(MAXIMUM_FRAGMENT_BYTES + 9)])
    assert [len(one.audio) for one in found] == [half, half, MAXIMUM_FRAGMENT_BYTES + 9]
