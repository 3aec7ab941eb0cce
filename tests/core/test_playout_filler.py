"""The playout when nothing is held: filler without a gap, and a buffer that is full again behind it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from distreamer.core.filler import Filler, FillerRules, OnReturn
from distreamer.core.filler_turn import MOST_FILLED_AT_ONCE_SECONDS
from distreamer.core.played import Played
from distreamer.core.playout import Playout
from distreamer.core.programme_return import MOST_CATCH_UP_SECONDS
from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.media.clip import Clip
from distreamer.model.audio import AudioFormat, Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment
from distreamer.model.status import PlayoutState
from tests.support.audio_samples import encoded
from tests.support.clips import clip
from tests.support.decoding import ffmpeg_says, mpg123_says
from tests.support.made_audio import INFO, fragment

DELAY = 20.0
FRAMES_PER_FRAGMENT = 38


class Station:
    """A playout whose programme comes a fragment a second, until it does not; time is moved by the test."""

    def __init__(
        self,
        on_return: OnReturn = OnReturn.LIVE,
        most_delay: float = 120.0,
        title: str = "",
        clip: Clip | None = None,
    ) -> None:
        self.store = Store()
        self.store.open_epoch(1, INFO)
        filler = Filler(Title(title) if title else None)
        filler.clip = clip
        rules = FillerRules(filler, on_return, most_delay)
        self.playout = Playout(self.store, lambda info: DELAY, filler=rules)
        self.now = 0.0
        self.number = 0
        self.missed = 0
        self.heard: list[Played] = []

    def bring(self, count: int = 1) -> None:
        for _ in range(count):
            self.number += 1
            self.store.add(fragment(self.number))

    def play(self, seconds: int) -> None:
        """The programme goes on."""
        for _ in range(seconds):
            self.bring()
            self.wait(1)

    def miss(self, seconds: int, *, comes_later: bool) -> None:
        """An outage of the link, or of the source (then what was missed never existed)."""
        self.wait(seconds)
        if comes_later:
            self.bring(seconds)
            self.wait(0)

    def catch_up(self, seconds: int, *, speed: float) -> None:
        """The link is back: ``seconds`` of programme that were missed come, and all that is made meanwhile."""
        came, began = 0, self.now
        while came < seconds + int(self.now - began):
            self.wait(1 / speed)
            self.bring()
            self.wait(0)
            came += 1

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        self.heard += self.playout.advance(self.now)
        while (due := self.playout.next_time()) is not None and due <= end:
            self.now = max(due, self.now)
            self.heard += self.playout.advance(self.now)
        self.now = end

    @property
    def fillers(self) -> list[Played]:
        return [one for one in self.heard if one.fragment.audio not in PROGRAMME]

    @property
    def numbers(self) -> list[int]:
        return [PROGRAMME[one.fragment.audio] for one in self.heard if one.fragment.audio in PROGRAMME]

    def assert_no_gap(self) -> None:
        """Whatever is due begins when what was before it ends; only at the start a lead is given at once."""
        for one, after in pairwise(self.heard[15:]):
            assert after.starts_at == pytest.approx(one.starts_at + one.seconds, abs=0.02)


PROGRAMME = {fragment(number).audio: number for number in range(1, 1_000)}


def test_filler_begins_where_the_programme_ends_and_keeps_time() -> None:
    station = Station()
    station.play(60)
    station.wait(100)
    assert station.playout.state.value == PlayoutState.DRY
    assert station.playout.is_filling
    assert 75 <= sum(one.seconds for one in station.fillers) <= 95
    assert [one.discontinuity for one in station.fillers] == [True] + [False] * (len(station.fillers) - 1)
    station.assert_no_gap()
    status = station.playout.status(station.now, 0.0)
    assert (status.is_filling, status.dry_times, status.budget_seconds) == (True, 1, 0.0)
    assert 75 <= status.dry_seconds <= 95


@pytest.mark.parametrize("late", [0.3, 1.0, 1.4])
def test_what_is_a_little_late_is_played_and_nothing_else(late: float) -> None:
    """Players have a lead: they hear nothing of it, and would hear filler."""
    station = Station()
    station.play(60)
    station.wait(DELAY - 1)
    level = station.playout.level(station.now)
    station.wait(level + late)
    assert station.playout.state.value == PlayoutState.DRY
    station.bring(int(DELAY + late) + 1)
    station.play(30)
    assert station.fillers == []
    assert station.numbers == list(range(station.numbers[0], station.numbers[-1] + 1))


@pytest.mark.parametrize("outage", [25, 60, 200])
def test_behind_a_long_outage_of_the_link_the_programme_goes_on_at_its_delay(outage: int) -> None:
    station = Station()
    station.play(60)
    station.miss(outage, comes_later=True)
    station.play(30)
    station.assert_no_gap()
    assert station.playout.level(station.now) == pytest.approx(DELAY, abs=1.5)
    assert station.numbers == sorted(set(station.numbers))
    # What is older than the delay was skipped, and is counted.
    skipped = station.playout.status(station.now, 0.0).skipped_seconds
    assert skipped == pytest.approx(len(station.fillers), abs=3)


@pytest.mark.parametrize(("most_delay", "kept"), [(120.0, 85.0), (40.0, 40.0), (5.0, DELAY)])
def test_with_continue_nothing_is_missed_up_to_a_limit(most_delay: float, kept: float) -> None:
    station = Station(OnReturn.CONTINUE, most_delay)
    station.play(60)
    station.miss(80, comes_later=True)
    station.play(30)
    station.assert_no_gap()
    assert station.playout.level(station.now) == pytest.approx(kept, abs=6)
    if most_delay == 120:
        assert station.numbers == list(range(station.numbers[0], station.numbers[-1] + 1))


@pytest.mark.parametrize("speed", [10.0, 50.0, 1_000.0])
@pytest.mark.parametrize(
    ("on_return", "kept"), [(OnReturn.LIVE, DELAY), (OnReturn.CONTINUE, 40.0)], ids=["live", "continue"]
)
def test_what_is_too_old_is_skipped_although_it_comes_oldest_first(
    on_return: OnReturn, kept: float, speed: float
) -> None:
    """Enough to go on with is there long before the newest, which tells how old it is."""
    station = Station(on_return, 40.0)
    station.play(60)
    station.wait(80)
    station.catch_up(80, speed=speed)
    station.play(30)
    station.assert_no_gap()
    assert station.playout.level(station.now) == pytest.approx(kept, abs=2.5)
    assert station.numbers == sorted(set(station.numbers))


def test_a_thin_link_is_not_waited_for_long() -> None:
    station = Station()
    station.play(60)
    station.wait(200)
    station.catch_up(200, speed=2.5)
    station.assert_no_gap()
    # The buffer was full after 8 s.
    assert sum(one.seconds for one in station.fillers) < 200 - DELAY + 8 + MOST_CATCH_UP_SECONDS + 2


def test_behind_an_outage_of_the_source_filler_goes_on_until_the_buffer_is_full_again() -> None:
    station = Station()
    station.play(60)
    station.miss(40, comes_later=False)
    for _ in range(3):
        station.play(40)
        assert station.playout.state.value == PlayoutState.PLAYING
        assert station.playout.level(station.now) == pytest.approx(DELAY, abs=1.5)
        # A second outage as long as the buffer is not heard.
        before = len(station.fillers)
        station.miss(int(DELAY) - 2, comes_later=True)
        station.play(10)
        assert len(station.fillers) == before
        station.miss(40, comes_later=False)
    station.assert_no_gap()


def test_the_title_is_said_and_does_not_stay() -> None:
    station = Station(title="We are back soon")
    station.play(60)
    station.miss(40, comes_later=True)
    station.play(5)
    assert {one.fragment.title for one in station.fillers} == {Title("We are back soon")}
    after = station.heard[station.heard.index(station.fillers[-1]) + 1 :]
    assert [one.fragment.title for one in after[:2]] == [Title(""), None]


def test_a_clip_begins_anew_in_each_outage_and_lasts_as_long_as_it() -> None:
    station = Station(title="We are back soon", clip=clip("libmp3lame", seconds=5, sample_rate=44100))
    beginnings = []
    for _ in range(2):
        station.play(60)
        before = len(station.fillers)
        station.miss(60, comes_later=True)
        assert station.playout.status(station.now, 0.0).fills_with_clip == station.playout.is_filling
        station.play(10)
        assert not station.playout.status(station.now, 0.0).fills_with_clip
        fillers = station.fillers[before:]
        assert 35 <= sum(one.seconds for one in fillers) <= 55
        assert {one.fragment.title for one in fillers} == {Title("We are back soon")}
        beginnings.append(fillers[0].fragment.audio)
    assert beginnings[0] == beginnings[1]
    station.assert_no_gap()


def test_status_says_what_is_played() -> None:
    station = Station(clip=clip("libmp3lame", sample_rate=44100))
    silent = Station()
    for one in (station, silent):
        one.play(60)
        one.wait(60)
    kinds = [(one.playout.is_filling, one.playout.status(one.now, 0.0).fills_with_clip) for one in (station, silent)]
    assert kinds == [(True, True), (True, False)]


def test_where_there_is_no_silence_nothing_is_played_as_without_filler() -> None:
    station = Station()
    opaque = StreamInfo(AudioFormat(Codec.OPAQUE, 44100, 0, 0))
    station.store.open_epoch(2, opaque)
    for number in range(1, 61):
        station.store.add(Fragment(2, number, (number - 1) * 44100, 44100, b"%03d" % number, 0.0))
    station.wait(200)
    assert not station.playout.is_filling
    assert station.playout.next_time() is None
    assert all(one.info.format.codec is Codec.OPAQUE for one in station.heard)


def test_a_machine_that_slept_does_not_make_up_for_all_of_it() -> None:
    station = Station()
    station.play(60)
    station.wait(30)
    station.now += 3600
    found = station.playout.advance(station.now)
    assert len(found) <= MOST_FILLED_AT_ONCE_SECONDS + 1


@pytest.mark.integration
@pytest.mark.parametrize("comes_later", [False, True])
@pytest.mark.parametrize("seconds", [0, 3], ids=["silence", "clip"])
def test_no_decoder_has_anything_to_say_of_it(comes_later: bool, seconds: float) -> None:
    """A real MP3 programme, whose frames lean on those before them."""
    frames = AutoFramer().feed(encoded("libmp3lame", seconds=120))
    pieces = [frames[at : at + FRAMES_PER_FRAGMENT] for at in range(0, len(frames), FRAMES_PER_FRAGMENT)]
    station = Station(clip=clip("libmp3lame", seconds=seconds, sample_rate=44100) if seconds else None)
    info = StreamInfo(frames[0].format)
    station.store.open_epoch(2, info)

    def bring(first: int, last: int, *, in_real_time: bool = True) -> None:
        for index in range(first, last):
            audio = b"".join(frame.data for frame in pieces[index])
            ticks = sum(frame.duration for frame in pieces[index])
            station.store.add(Fragment(2, index + 1, index * ticks, ticks, audio, 0.0))
            station.wait(1 if in_real_time else 0)

    bring(0, 40)
    station.wait(30)
    if comes_later:
        bring(40, 70, in_real_time=False)
    bring(70, 110)
    audio = b"".join(one.fragment.audio for one in station.heard)
    assert station.playout.status(station.now, 0.0).dry_times == 1
    assert len(AutoFramer().feed(audio)) > 3_000
    assert ffmpeg_says(audio, "mp3") == ""
    assert mpg123_says(audio) == ""
