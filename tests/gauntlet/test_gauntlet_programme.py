"""The gauntlet's programme and its judge."""

from __future__ import annotations

import pytest

from benchmarks.gauntlet.judge import Score, StrictJudge
from benchmarks.gauntlet.programme import (
    FRAME_SECONDS,
    FRAMES_PER_TITLE,
    frame,
    is_silence,
    known_frames,
    programme,
    title,
)
from distreamer.demo.hearing import KnownFrames
from distreamer.media.auto import AutoFramer
from distreamer.media.mpeg import MpegFramer
from distreamer.media.silence_mpeg import MpegSilence
from distreamer.model.audio import Frame
from tests.support.made_audio import MP3

BITRATES = (64, 128, 320)
PREBUFFER_SECONDS = 3.0


@pytest.mark.parametrize("kilobits", BITRATES)
def test_frames_are_mp3_of_that_bitrate_and_each_occurs_once(kilobits: int) -> None:
    frames = [frame(number, kilobits) for number in range(4000)]
    framer = AutoFramer("audio/mpeg")
    found = framer.feed(b"".join(frames)) + framer.close()
    assert [one.data for one in found] == frames
    assert framer.dropped == 0
    assert all(one.format.bitrate == kilobits * 1000 for one in found)
    assert len(set(frames)) == len(frames)
    assert len(b"".join(frames)) * 8 / (4000 * FRAME_SECONDS) == pytest.approx(kilobits * 1000, abs=10)


@pytest.mark.parametrize("kilobits", BITRATES)
def test_silence_is_told_from_the_programme_and_from_damage(kilobits: int) -> None:
    header = MpegFramer.header(frame(1, kilobits), 0)
    assert header is not None
    assert is_silence(MpegSilence(MpegFramer.audio_format(header)).next())
    assert not is_silence(frame(1, kilobits))
    damaged = bytearray(MpegSilence(MpegFramer.audio_format(header)).next())
    damaged[50] ^= 1
    assert not is_silence(bytes(damaged))


def test_the_programme_has_its_titles_where_the_judge_expects_them() -> None:
    whole, known = programme(128), known_frames(128)
    assert len(whole.frames) == len(known)
    for number in (0, FRAMES_PER_TITLE - 1, FRAMES_PER_TITLE, 10 * FRAMES_PER_TITLE + 3):
        assert whole.title(number).text == title(number)
        assert known.places(whole.frame(number)) == (number,)


class Listening:
    """A judge that is given frames a second at a time, as they are due; the frame number 0 was on air at 0."""

    def __init__(self, start: int = 0) -> None:
        known = KnownFrames()
        for number in range(4000):
            known.learn(frame(number, 128))
        self.judge = StrictJudge(known, PREBUFFER_SECONDS, lambda place: place * FRAME_SECONDS, title)
        self.now = 100.0
        self.hear(range(start, start + 115))
        self.now += 1.0

    def hear(self, numbers: range) -> None:
        """Comes at once."""
        for number in numbers:
            self._give(frame(number, 128))

    def play_silence(self, count: int) -> None:
        """What programs send that have nothing to play; in real time."""
        silence = MpegSilence(MP3)
        for _ in range(count):
            self._give(silence.next())
            self.now += FRAME_SECONDS

    def play(self, numbers: range) -> None:
        """Comes in real time."""
        for number in numbers:
            self._give(frame(number, 128))
            self.now += FRAME_SECONDS

    @property
    def score(self) -> Score:
        return self.judge.score(self.now)

    def _give(self, data: bytes) -> None:
        self.judge.frame(Frame(data, 1152, MP3, 0), self.now)


def test_a_programme_that_is_whole_has_no_faults() -> None:
    listening = Listening()
    listening.play(range(115, 1000))
    assert listening.score == Score()
    assert listening.judge.place == 999
    assert listening.judge.is_playing


def test_faults_are_counted_where_they_are() -> None:
    listening = Listening()
    listening.play(range(115, 200))
    listening.play(range(210, 300))
    listening.play(range(295, 400))
    listening._give(b"\xff\xfb\x90\x00" + bytes(range(200)))
    listening.play(range(401, 500))
    assert listening.score == Score(missing=10 + 1, repeated=5, damaged=1)


def test_silence_is_what_a_player_has_not_and_what_it_is_given_instead() -> None:
    listening = Listening()
    listening.play(range(115, 200))
    listening.now += PREBUFFER_SECONDS + 2.0
    score = listening.score
    assert score.silent_seconds == pytest.approx(2.0, abs=2 * FRAME_SECONDS)
    assert score.stops == 1
    assert not listening.judge.is_playing
    listening.hear(range(200, 400))
    listening.play_silence(100)
    assert not listening.judge.is_playing
    listening.play(range(400, 500))
    later = listening.score.since(score)
    assert later.silent_seconds == pytest.approx(100 * FRAME_SECONDS, abs=0.01)
    assert (later.stops, later.missing, later.repeated, later.damaged) == (1, 0, 0, 0)


def test_latency_is_that_of_the_ear() -> None:
    listening = Listening(start=1000)
    # Frame 1114 was on air at 29.1 s; it is heard when the 3 s before it were, at about 104 s.
    listening.play(range(1115, 2000))
    assert listening.judge.latency_seconds == pytest.approx(101.0 + 3.0 - 1115 * FRAME_SECONDS, abs=0.1)


def test_a_title_that_is_late_is_timed_and_one_that_is_from_elsewhere_is_counted() -> None:
    listening = Listening()
    judge = listening.judge
    judge.title(title(0))
    listening.play(range(115, FRAMES_PER_TITLE + 40))
    judge.title(title(FRAMES_PER_TITLE))
    listening.play(range(FRAMES_PER_TITLE + 40, FRAMES_PER_TITLE + 200))
    assert judge.longest_wrong_title_seconds == pytest.approx(40 * FRAME_SECONDS)
    assert listening.score.wrong_titles == 0
    judge.title(title(5 * FRAMES_PER_TITLE))
    judge.title(title(5 * FRAMES_PER_TITLE))
    assert listening.score.wrong_titles == 1


def test_only_who_was_served_can_be_disconnected() -> None:
    judge = Listening().judge
    for _ in range(3):
        judge.disconnected()
    assert judge.score(101.0).disconnects == 1


def test_what_a_burst_left_in_a_player_is_forgotten_when_the_trouble_begins() -> None:
    listening = Listening()
    listening.hear(range(115, 600))
    listening.judge.title("Another")
    before = listening.judge.begin(listening.now)
    assert before.wrong_titles == 1
    listening.now += 5.0
    score = listening.score.since(before)
    assert score.silent_seconds == pytest.approx(5.0 - PREBUFFER_SECONDS)
    assert score.wrong_titles == 0
