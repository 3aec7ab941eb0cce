"""What a source repeats when it is connected to again: left out, to the frame, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count, cycle, islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distreamer.core import rejoin
from distreamer.core.ingest import Seam, SourceDescription
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame, mp3_stream
from tests.support.repeating_source import FRAME_SECONDS, SERVER, Reception, brought

ENCODER = replace(SERVER, repeats_seconds=2.0, has_burst=False)
SILENCE = 1_000_000
"""The number of the frame of which silence consists."""

Outages = st.lists(
    st.tuples(
        st.integers(0, 400),  # frames that are missed
        st.integers(0, 500),  # frames of the burst
        st.integers(3, 300),  # frames that come in real time: fewer are not recognised
        st.integers(0, MP3_FRAME_BYTES - 1),  # bytes of one more
    ),
    max_size=5,
)


def expected(runs: Iterable[tuple[int, int]]) -> tuple[list[int], int]:
    """Places in the programme that must be held when a connection brought each of ``runs``, and how many gaps."""
    held: list[int] = []
    gaps = 0
    for start, end in runs:
        if held and end > start > held[-1] + 1:
            gaps += 1
        if not held or end > held[-1] + 1:
            held += range(start if not held else max(start, held[-1] + 1), end)
    return held, gaps


def received(programme: Sequence[int], outages: list[tuple[int, int, int, int]]) -> tuple[Reception, list[int], int]:
    """What came of a first connection and those behind the ``outages``; beside it what must have come."""
    reception = Reception(programme)
    reception.connect(300, 100, 200)
    begin, runs = 500, [(200, 500)]
    for missed, burst, live, cut in outages:
        reception.wait(missed)
        begin += missed
        reception.connect(begin, burst, live, cut=cut)
        runs.append((max(begin - burst, 0), begin + live))
        begin += live
    held, gaps = expected(runs)
    return reception, held, gaps


@settings(deadline=None)
@given(Outages)
@example([(100, 100, 50, 200)])
@example([(100, 101, 50, 200)])
@example([(101, 100, 50, 200)])
def test_bursts_leave_neither_a_repeat_nor_a_hole_that_they_could_fill(
    outages: list[tuple[int, int, int, int]],
) -> None:
    reception, held, gaps = received(range(5000), outages)
    assert reception.numbers == held
    # What begins exactly behind the last frame has nothing by which that could be known.
    assert gaps <= reception.gaps <= gaps + sum(missed == burst for missed, burst, _, _ in outages)


@settings(deadline=None)
@example([(6, 6)], 336, [(0, 0, 3, 0)])
@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 300)), min_size=1, max_size=8), st.integers(0, 400), Outages
)
def test_of_digital_silence_more_or_less_may_come_but_nothing_else_is_lost_or_repeated(
    shape: list[tuple[int, int]], burst: int, outages: list[tuple[int, int, int, int]]
) -> None:
    programme: list[int] = []
    numbers = count(1)
    for music, silence in cycle(shape):
        programme += [*islice(numbers, music), *[SILENCE] * silence]
        if len(programme) >= 5000:
            break
    reception, held, _ = received(programme, [(missed, burst, live, cut) for missed, _, live, cut in outages])
    assert [one for one in reception.numbers if one != SILENCE] == [
        programme[place] for place in held if programme[place] != SILENCE
    ]
    # The clock tells how much silence it was, but for a burst, at the most, and a moment at each connection.
    assert abs(len(reception.numbers) - len(held)) * FRAME_SECONDS <= (3.5 + burst * FRAME_SECONDS) * len(outages)


@pytest.mark.parametrize("behind", [1, 5, 40, 400])
@pytest.mark.parametrize("burst", [0, 150])
def test_a_server_that_is_behind_is_waited_for(behind: int, burst: int) -> None:
    reception = Reception(range(3000))
    reception.connect(1000, 600, 0)
    for live in (100, 200, 500):
        reception.connect(1000, burst, live, behind=behind)
        assert reception.ingest.audio_seconds == pytest.approx((burst + live) * FRAME_SECONDS)
    assert reception.numbers == list(range(400, 1500 - behind))
    assert reception.gaps == 0


def test_what_is_said_about_the_seam() -> None:
    reception = Reception(range(2000))
    reception.connect(400, 100, 0)
    assert reception.ingest.seam is None
    reception.wait(60)
    reception.connect(460, 100, 10)
    assert reception.ingest.seam == (True, pytest.approx(40 * FRAME_SECONDS), True)
    reception.wait(500)
    reception.connect(970, 100, 10)
    assert reception.ingest.seam == Seam(goes_on=False, repeated_seconds=0.0, is_proved=True)


def test_a_burst_that_ends_before_what_is_known_changes_nothing() -> None:
    """A server that has lost its encoder gives its burst again and again."""
    reception = Reception(range(2000))
    reception.connect(1000, 300, 0)
    for _ in range(5):
        reception.wait(200)
        reception.connect(1000, 150, 0)
    assert reception.numbers == list(range(700, 1000))
    reception.connect(1010, 150, 20)
    assert reception.numbers == list(range(700, 1030))
    assert reception.gaps == 0


@pytest.mark.parametrize("lead", [*range(rejoin.LEAD_PIECES + 1), 100, 1000])
def test_what_is_said_before_the_burst_is_left_out_with_it(lead: int) -> None:
    """Frames that are none, or an announcement for new listeners."""
    reception = Reception(range(2000))
    reception.connect(500, 300, 0)
    brought(reception, mp3_stream(10_000, lead) + mp3_stream(400, 200))
    assert reception.numbers == list(range(200, 600))
    assert reception.gaps == 0


def test_an_announcement_behind_a_long_outage_is_kept() -> None:
    reception = Reception(range(2000))
    reception.connect(500, 300, 0)
    reception.wait(1000)
    brought(reception, mp3_stream(10_000, 100) + mp3_stream(1400, 200))
    assert reception.numbers == [*range(200, 500), *range(10_000, 10_100), *range(1400, 1600)]
    assert reception.gaps == 1


def test_a_jingle_that_stands_at_the_end_of_what_is_known_is_no_burst_behind_other_things() -> None:
    """It is played again after an outage: what came before it is new, whatever the jingle may prove."""
    reception = Reception(range(2000))
    reception.connect(500, 300, 0)
    reception.wait(1000)
    brought(reception, mp3_stream(10_000, 100) + mp3_stream(450, 50) + mp3_stream(11_000, 100))
    assert reception.numbers == [*range(200, 500), *range(10_000, 10_100), *range(450, 500), *range(11_000, 11_100)]
    assert reception.gaps == 1


@pytest.mark.parametrize("missed", [2, 90])
def test_a_burst_that_begins_before_all_that_is_remembered(missed: int) -> None:
    reception = Reception(range(2000))
    reception.connect(1000, 50, 0)
    reception.wait(missed)
    reception.connect(1000 + missed, 200, 100)
    assert reception.numbers == list(range(950, 1100 + missed))
    assert reception.gaps == 0


def test_a_jingle_that_was_played_before_is_not_taken_for_the_burst() -> None:
    jingle = range(100_000, 100_100)
    programme = [*range(300), *jingle, *range(300, 600), *jingle, *range(600, 900)]
    reception = Reception(programme)
    reception.connect(650, 650, 0)
    reception.wait(500)
    # All that was in the burst is new, although it begins as something did that was there before.
    brought(reception, b"".join(map(mp3_frame, [*jingle, *range(2000, 2100)])))
    assert reception.numbers == [*programme[:650], *jingle, *range(2000, 2100)]
    assert reception.gaps == 1


@pytest.mark.parametrize("missed", [0, 30, 90])
def test_inside_a_jingle_that_comes_again_and_again_it_goes_on_without_a_seam(missed: int) -> None:
    """No frame tells which of the rounds it is; the clock does."""
    jingle = list(range(100_000, 100_064))
    programme = [*range(200), *jingle * 20]
    reception = Reception(programme)
    reception.connect(800, 700, 0)
    reception.wait(missed)
    reception.connect(800 + missed, 100, 200)
    assert reception.numbers == programme[100 : 1000 + missed]
    assert reception.gaps == 0


def test_a_clock_that_was_set_does_not_hide_what_many_different_frames_say() -> None:
    jingle = list(range(100_000, 100_064))
    programme = [*range(200), *jingle * 20]
    reception = Reception(programme)
    reception.connect(800, 700, 0)
    reception.now += 3600
    reception.connect(800, 100, 200)
    assert reception.gaps == 0
    assert reception.numbers == programme[100 : len(reception.numbers) + 100]


def test_silence_that_stands_somewhere_in_what_is_known_is_not_held_for_long() -> None:
    reception = Reception(())
    brought(reception, mp3_stream(SILENCE, 1) * 1000 + mp3_stream(0, 100))
    reception.wait(1000)
    reception.ingest.connected(SERVER, reception.now)
    for _ in range(160):
        reception.wait(1)
        reception.ingest.audio(mp3_frame(SILENCE), reception.now)
    assert len(reception.numbers) > 1100 + 100


def test_silence_behind_a_long_outage_is_a_gap() -> None:
    reception = Reception([*range(400), *[SILENCE] * 2000])
    reception.connect(500, 400, 0)
    reception.wait(800)
    reception.connect(1300, 150, 100)
    assert reception.numbers == [*range(100, 400), *[SILENCE] * 350]
    assert reception.gaps == 1


def test_an_encoder_that_sends_its_last_seconds_again_at_once_repeats_nothing() -> None:
    reception = Reception(range(2000), ENCODER)
    reception.connect(0, 0, 500)
    reception.wait(50)
    reception.connect(550, 200, 100)
    assert reception.numbers == list(range(650))
    assert reception.gaps == 0


def test_an_encoder_that_is_started_anew_with_the_same_file_is_heard() -> None:
    reception = Reception(range(2000), ENCODER)
    reception.connect(0, 0, 500)
    reception.connect(0, 0, 300)
    assert reception.numbers == [*range(500), *range(300)]
    assert reception.gaps == 1


def test_a_source_that_never_repeats_is_not_looked_into() -> None:
    reception = Reception(range(2000), replace(SERVER, repeats_seconds=0.0))
    reception.connect(100, 100, 0)
    reception.connect(100, 100, 0)
    assert reception.numbers == [*range(100), *range(100)]
    assert reception.ingest.seam is None


def test_what_is_held_is_bounded_and_the_overflow_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejoin, "MOST_BYTES", 100 * MP3_FRAME_BYTES)
    reception = Reception(range(2000))
    reception.connect(1000, 600, 0)
    reception.connect(1000, 550, 10)
    assert reception.numbers == [*range(400, 1000), *range(450, 1010)]
    assert (reception.ingest.overflows, reception.gaps) == (1, 1)


@pytest.mark.parametrize("source", [SERVER, replace(SERVER, repeats_seconds=0.0)])
def test_a_program_that_was_started_anew_knows_what_it_had(source: SourceDescription) -> None:
    before = Reception(range(5000), source)
    before.connect(1000, 300, 400)
    after = Reception(range(5000), source)
    after.store.take_over(before.store)
    after.ingest.go_on_behind(after.store, skipped=1000)
    after.now = before.now + 20 * FRAME_SECONDS
    after.connect(1420, 300, 400)
    assert after.numbers == list(range(700, 1820))
    assert (after.gaps, len(after.store.epochs)) == (0, 1)
    numbers = [one.number for one in after.store]
    assert numbers[len(before.store)] == len(before.store) + 1001
    starts = [one.start for one in after.store]
    assert [one.end for one in after.store][:-1] == starts[1:]


def test_what_another_numbered_is_not_continued() -> None:
    before = Reception(range(5000))
    before.connect(1000, 300, 400)
    after = Reception(range(5000))
    for epoch in before.store.epochs:
        after.store.open_epoch(77, epoch.info)
    after.store.restore(replace(one, epoch=77) for one in before.store)
    after.ingest.go_on_behind(after.store, skipped=1000)
    after.connect(1420, 300, 400)
    assert [epoch.id for epoch in after.store.epochs] == [77, 1]
