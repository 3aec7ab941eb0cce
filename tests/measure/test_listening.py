"""The strict listener, told what arrives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.ingest import SourceDescription
from distreamer.measure.finding import Finding, Kind
from distreamer.measure.listening import MOST_FINDINGS, Listening
from distreamer.model.audio import Title
from distreamer.protocol.icy import encode_metadata
from tests.support.made_audio import MP3_FRAME_SAMPLES, mp3_frame, mp3_frame_48, mp3_stream

SOURCE = SourceDescription("audio/mpeg", 128_000)
FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
BURST = 200
"""Frames: 5.2 s."""


class Heard:
    """A listener, and all that it found; ``number`` is that of the next frame."""

    def __init__(self, *, is_strict: bool = False, source: SourceDescription = SOURCE) -> None:
        self.now = 100.0
        self.listening = Listening(self.now, is_strict=is_strict)
        self.found: list[Finding] = []
        self.number = 0
        self._source = source

    def connect(self, *, back: int = 0, burst: int = BURST) -> None:
        """The server gives ``burst`` frames at once, of which it has sent ``back`` before."""
        self.found += self.listening.connected(self._source, 0, self.now)
        self.number -= back
        self.send(burst)

    def send(self, frames: int) -> None:
        """At once."""
        self.bytes(mp3_stream(self.number, frames))
        self.number += frames

    def bytes(self, data: bytes) -> None:
        self.found += self.listening.received(data, self.now)

    def play(self, frames: int) -> None:
        """In real time."""
        for _ in range(frames):
            self.now += FRAME_SECONDS
            self.send(1)
            self.found += self.listening.look(self.now)

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.now += 0.1
            self.found += self.listening.look(self.now)

    def lose(self) -> None:
        self.found += self.listening.disconnected("the server closed the connection", self.now)

    def kinds(self) -> list[Kind]:
        return [finding.kind for finding in self.found]

    def one(self, kind: Kind) -> Finding:
        [finding] = [finding for finding in self.found if finding.kind is kind]
        return finding

    def is_fine(self) -> bool:
        self.found += self.listening.end(self.now)
        return self.listening.verdict(self.now).is_fine


def test_a_stream_without_fault() -> None:
    heard = Heard()
    heard.connect()
    heard.play(1000)
    assert heard.is_fine()
    assert heard.found == []
    verdict = heard.listening.verdict(heard.now)
    assert verdict.heard_seconds > 20
    assert verdict.sentence == "nothing was wrong"


def test_a_stall_is_an_underrun_when_the_player_runs_dry() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    began = heard.now
    heard.wait(8)
    assert heard.found == []
    heard.send(int(8 / FRAME_SECONDS))
    heard.play(10)
    finding = heard.one(Kind.UNDERRUN)
    assert finding.is_wrong
    assert finding.seconds == pytest.approx(5, abs=0.2), "the player held 3 s"
    assert finding.at_seconds == pytest.approx(began + 3 - 100, abs=0.2)
    assert not heard.is_fine()


def test_a_stall_that_the_player_bridges_is_none() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    heard.wait(2)
    heard.send(int(2 / FRAME_SECONDS))
    heard.play(100)
    assert heard.is_fine()


def test_a_strict_player_does_not_bridge_it() -> None:
    heard = Heard(is_strict=True)
    heard.connect()
    heard.play(100)
    heard.wait(2)
    heard.send(int(2 / FRAME_SECONDS))
    heard.play(100)
    assert heard.kinds() == [Kind.UNDERRUN]


def test_an_underrun_at_the_end_counts() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    heard.wait(10)
    assert not heard.is_fine()
    assert heard.one(Kind.UNDERRUN).seconds == pytest.approx(7, abs=0.3)


def test_a_second_that_comes_twice() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    heard.number -= 40
    heard.play(100)
    finding = heard.one(Kind.REPEAT)
    assert finding.seconds == pytest.approx(40 * FRAME_SECONDS)
    assert not heard.is_fine()


def test_digital_silence_is_no_repeat() -> None:
    heard = Heard()
    heard.connect()
    for _ in range(500):
        heard.now += FRAME_SECONDS
        heard.bytes(mp3_frame(7))
    assert heard.is_fine()


def test_damaged_bytes() -> None:
    heard = Heard()
    heard.connect()
    heard.bytes(bytes(412))
    heard.play(200)
    finding = heard.one(Kind.DAMAGE)
    assert finding.text == "412 bytes that are no audio"
    assert not heard.is_fine()


def test_a_server_that_repeats_what_was_missed() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    heard.lose()
    heard.wait(2)
    heard.number += int(2 / FRAME_SECONDS)
    heard.connect(back=BURST)
    heard.play(100)
    assert heard.kinds() == [Kind.DISCONNECTED, Kind.CONNECTED, Kind.CONNECTED]
    assert "connected again after 2 s" in heard.found[1].text
    assert "nothing is missing; 3.2 s came again" in heard.found[2].text
    assert not heard.is_fine(), "a disconnect is wrong by itself"


def test_a_server_that_does_not() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    heard.lose()
    heard.wait(4)
    heard.number += int(4 / FRAME_SECONDS)
    heard.connect(burst=60)
    heard.play(200)
    gap = heard.one(Kind.GAP)
    assert gap.seconds == pytest.approx(4, abs=0.1)
    assert "about 4 s are missing" in gap.text


def test_what_is_given_to_who_comes_back_does_not_hide_the_next_outage() -> None:
    heard = Heard()
    heard.connect()
    heard.play(100)
    heard.lose()
    heard.connect(back=BURST)
    heard.play(100)
    heard.wait(5)
    assert heard.listening.verdict(heard.now).silent_seconds == pytest.approx(2, abs=0.3)


def test_a_title() -> None:
    heard = Heard()
    heard.listening.connected(SOURCE, 417, heard.now)
    heard.bytes(mp3_frame(0) + encode_metadata(Title("A song")) + mp3_frame(1) + b"\0" + mp3_frame(2))
    assert [(finding.kind, finding.text) for finding in heard.found] == [(Kind.TITLE, "title: A song")]
    assert heard.listening.verdict(heard.now).title_changes == 1


def test_no_title_at_the_beginning_is_no_news() -> None:
    heard = Heard()
    heard.listening.connected(SOURCE, 417, heard.now)
    blocks = [encode_metadata(Title(text)) for text in ("", "A song", "")]
    heard.bytes(b"".join(mp3_frame(number) + block for number, block in enumerate(blocks)))
    assert [finding.text for finding in heard.found] == ["title: A song", "title: none"]


def test_a_wrong_type_is_said_and_wrong_only_when_strict() -> None:
    for is_strict in (False, True):
        heard = Heard(is_strict=is_strict, source=SourceDescription("audio/aac"))
        heard.connect()
        heard.play(200)
        assert "the server says it is audio/aac" in heard.one(Kind.FORMAT).text
        assert heard.is_fine() is not is_strict


def test_a_format_that_changes() -> None:
    heard = Heard()
    heard.connect()
    for number in range(100):
        heard.now += FRAME_SECONDS
        heard.bytes(mp3_frame_48(number))
    assert "48000 Hz, stereo instead of" in heard.one(Kind.FORMAT).text


def test_too_little_to_begin_to_play() -> None:
    heard = Heard()
    heard.connect(burst=20)
    heard.wait(60)
    assert not heard.is_fine()
    assert heard.listening.verdict(heard.now).sentence == "there was not enough to begin to play"


def test_what_is_wrong_in_words() -> None:
    heard = Heard()
    heard.connect()
    heard.bytes(bytes(50))
    heard.play(10)
    heard.lose()
    assert heard.listening.verdict(heard.now).sentence == "1 damaged place, 1 disconnect"


def test_findings_are_bounded() -> None:
    heard = Heard()
    for _ in range(MOST_FINDINGS):
        heard.connect(burst=0)
        heard.lose()
    assert len(heard.listening.findings) == MOST_FINDINGS
    assert heard.listening.verdict(heard.now).unkept_findings > 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["play", "wait", "lose", "junk"]), st.integers(1, 60)), max_size=15))
def test_time_is_heard_or_silent_whatever_happens(steps: list[tuple[str, int]]) -> None:
    heard = Heard()
    heard.connect()
    for what, how_much in steps:
        if what == "play":
            heard.play(how_much)
        elif what == "wait":
            heard.wait(how_much / 10)
        elif what == "junk":
            heard.bytes(bytes(how_much))
        else:
            heard.lose()
            heard.connect(back=min(how_much, heard.number), burst=how_much)
    heard.found += heard.listening.end(heard.now)
    verdict = heard.listening.verdict(heard.now)
    assert verdict.heard_seconds + verdict.silent_seconds <= verdict.seconds + 1e-6
    told = sum(finding.seconds or 0.0 for finding in heard.found if finding.kind is Kind.UNDERRUN)
    assert told == pytest.approx(verdict.silent_seconds, abs=0.05 * (1 + len(steps)))
    assert all(0 <= finding.at_seconds <= verdict.seconds for finding in heard.found)
