"""What a source repeats when it is connected to again: left out, to the frame, and nothing is lost by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, count, cycle, islice, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distreamer.core import rejoin
from distreamer.core.ingest import Ingest, Seam, SourceDescription
from distreamer.core.store import Store, StoreLimits
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import Station, Title
from tests.support.audio_samples import encoded
from tests.support.framing import framed, pieces
from tests.support.input_context import stored_audio, stored_titles
from tests.support.made_audio import MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, mp3_frame, mp3_stream
from tests.support.ogg_samples import OPUS_20_MS, opus_headers, page, split_pages

SERVER = SourceDescription("audio/mpeg", 128_000, Station("Radio"), repeats_seconds=math.inf)
ENCODER = replace(SERVER, repeats_seconds=2.0)
FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
SILENCE = 1_000_000
"""The number of the frame of which silence consists."""
A, B, C = Title("A"), Title("B"), Title("C")


class Reception:
    """An ingest whose source sends the frames of ``programme``, in real time or as a burst."""

    def __init__(self, programme: Sequence[int], source: SourceDescription = SERVER) -> None:
        self.store = Store(StoreLimits(seconds=3600))
        epochs = count(1)
        self.ingest = Ingest(self.store, lambda: next(epochs))
        self._programme = [mp3_frame(number) for number in programme]
        self._source = source
        self.now = 1000.0

    def connect(self, begin: int, burst: int, live: int, *, cut: int = 0, behind: int = 0) -> None:
        """A connection at whose beginning ``begin`` is the newest frame that the server has: it brings ``burst``
        frames before that at once, after the end of the one before them, then ``live`` frames in real time, and
        ``cut`` bytes of the next. A server that is ``behind`` has everything so many frames later."""
        self.ingest.connected(self._source, self.now)
        begin -= behind
        start = max(begin - burst, 0)
        before = self._programme[start - 1][-100:] if start else b""
        self.ingest.audio(before + b"".join(self._programme[start:begin]), self.now)
        for frame in self._programme[begin : begin + live]:
            self.now += FRAME_SECONDS
            self.ingest.audio(frame, self.now)
        self.ingest.audio(self._programme[begin + live][:cut], self.now)
        self.ingest.disconnected(self.now)

    def wait(self, frames: int) -> None:
        self.now += frames * FRAME_SECONDS

    @property
    def numbers(self) -> list[int]:
        """Of the frames in the store."""
        audio = stored_audio(self.store)
        return [int.from_bytes(audio[at + 4 : at + 12], "big") for at in range(0, len(audio), MP3_FRAME_BYTES)]

    @property
    def gaps(self) -> int:
        return sum(one.discontinuity for one in self.store)


def brought(reception: Reception, audio: bytes) -> None:
    """A connection that brings ``audio`` at once."""
    reception.ingest.connected(SERVER, reception.now)
    reception.ingest.audio(audio, reception.now)
    reception.ingest.disconnected(reception.now)


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
    # The clock tells how much silence it was, but for a moment at each connection.
    assert abs(len(reception.numbers) - len(held)) * FRAME_SECONDS <= 3.5 * len(outages)


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


# -- titles


def with_titles(reception: Reception, parts: Sequence[tuple[range, Title | None]]) -> list[bool]:
    """A connection that brings frames, and each title before its frames; gives which titles were called news."""
    ingest = reception.ingest
    ingest.connected(SERVER, reception.now)
    news = []
    for numbers, title in parts:
        if title is not None:
            news.append(ingest.title(title))
        ingest.audio(b"".join(map(mp3_frame, numbers)), reception.now)
    ingest.disconnected(reception.now)
    return news


def titles_of(reception: Reception) -> list[tuple[int, str]]:
    """Each title with the number of the frame with which it begins."""
    return [(place // MP3_FRAME_BYTES, text) for place, text in stored_titles(reception.store)]


def test_titles_of_what_is_repeated_do_not_come_again() -> None:
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    news = with_titles(reception, [(range(100, 200), A), (range(200, 350), B), (range(350, 400), C)])
    assert news == [False, False, True]
    assert reception.numbers == list(range(400))
    assert titles_of(reception) == [(0, "A"), (200, "B"), (350, "C")]


def test_a_title_that_stands_later_in_the_repeat_changes_nothing() -> None:
    """The block that says B comes only behind what is known: A, which came last before it, is old."""
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    with_titles(reception, [(range(150, 310), A), (range(310, 400), B)])
    assert titles_of(reception) == [(0, "A"), (200, "B")]


def test_a_title_that_was_missed_begins_with_the_first_new_frame() -> None:
    """Its frame had come, its block had not."""
    reception = Reception(())
    with_titles(reception, [(range(300), A)])
    with_titles(reception, [(range(200, 290), A), (range(290, 400), B)])
    assert titles_of(reception) == [(0, "A"), (300, "B")]


def test_a_server_that_says_its_present_title_at_once_does_so_in_vain_for_what_is_known() -> None:
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    with_titles(reception, [(range(100, 400), C)])
    assert titles_of(reception) == [(0, "A"), (200, "B"), (300, "C")]


def test_a_title_that_is_in_force_again_is_not_taken_for_the_old_one() -> None:
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    with_titles(reception, [(range(150, 250), A), (range(250, 295), B), (range(295, 400), A)])
    assert titles_of(reception) == [(0, "A"), (200, "B"), (300, "A")]


def test_a_title_without_a_frame_outlives_a_connection_that_brought_nothing_new() -> None:
    reception = Reception(())
    with_titles(reception, [(range(300), A)])
    with_titles(reception, [(range(200, 280), A), (range(280, 290), B)])
    assert titles_of(reception) == [(0, "A")]
    with_titles(reception, [(range(200, 400), None)])
    assert titles_of(reception) == [(0, "A"), (300, "B")]


# -- every format


CLIPS = {
    "mp3": encoded("libmp3lame", seconds=8),
    "mp3 vbr": encoded("libmp3lame", seconds=8, bitrate=0, options=(("q", "3"),)),
    "mp2": encoded("mp2", seconds=8),
    "aac": encoded("aac", seconds=8),
    "vorbis": encoded("vorbis", seconds=8, container_options=(("page_duration", "200000"),)),
    "opus": encoded("libopus", seconds=8, sample_rate=48000, container_options=(("page_duration", "200000"),)),
    "flac": encoded("flac", seconds=8),
}


@pytest.mark.parametrize("size", [700, 4096, 1_000_000])
@pytest.mark.parametrize("kind", list(CLIPS))
def test_real_audio_is_joined_to_the_byte(kind: str, size: int) -> None:
    """Cut at any byte; the burst begins at any byte too, in Ogg behind the headers, as Icecast does it."""
    clip = CLIPS[kind]
    header = b""
    starts = list(range(len(clip)))
    if clip.startswith(b"OggS"):
        clip_pages = split_pages(clip)
        header = AutoFramer().feed(clip)[0].setup
        starts = [place for place in accumulate(map(len, clip_pages)) if place >= len(header)]
    store = Store()
    epochs = count(1)
    ingest = Ingest(store, lambda: next(epochs))
    cuts = [len(clip) * part // 100 + 11 for part in (40, 47, 71)] + [len(clip)]
    begin = len(header)
    for at, cut in enumerate(cuts):
        ingest.connected(SERVER, at)
        for part in pieces(header + clip[begin:cut], size):
            ingest.audio(part, at)
        ingest.disconnected(at + 1)
        begin = max(start for start in starts if start <= cut * 6 // 10)
    whole = b"".join(frame.data for frame in framed(AutoFramer(), [clip]))
    assert stored_audio(store) == whole
    assert not any(one.discontinuity for one in store)
    assert all(a.end == b.start for a, b in pairwise(store))


def test_an_ogg_page_that_was_waited_with_goes_on_with_its_rest() -> None:
    """A packet goes on on the next page when the connection breaks: the page is in the store already."""
    half = bytes([31 << 3 | 1 << 2]) + bytes(254)
    rest = b"x" * 100
    pages = [page([OPUS_20_MS] * 10, sequence=2 + number, granule=9600 * (number + 1)) for number in range(5)]
    open_page = page([*[OPUS_20_MS] * 9, half], sequence=7, granule=9600 * 6, open_end=True)
    closing = page([rest, *[OPUS_20_MS] * 9], sequence=8, granule=9600 * 7, flags=1)
    after = [page([OPUS_20_MS] * 10, sequence=9 + number, granule=9600 * (number + 8)) for number in range(5)]
    store = Store()
    epochs = count(1)
    ingest = Ingest(store, lambda: next(epochs))
    ingest.connected(SERVER, 1.0)
    ingest.audio(opus_headers() + b"".join(pages) + open_page, 1.0)
    ingest.disconnected(1.0)
    ingest.connected(SERVER, 2.0)
    ingest.audio(opus_headers() + b"".join([*pages[3:], open_page, closing, *after]), 2.0)
    ingest.disconnected(3.0)
    assert stored_audio(store) == b"".join([*pages, open_page, closing, *after])
    assert not any(one.discontinuity for one in store)
