"""Whether one connection goes on where the one before was cut."""

from __future__ import annotations

import pytest

from distreamer.core.ingest import SourceDescription
from distreamer.measure.splice_trial import SpliceTrial
from distreamer.measure.stream_report import Splice
from tests.support.made_audio import MP3_FRAME_SAMPLES, mp3_frame, mp3_stream

SOURCE = SourceDescription("audio/mpeg", 128_000)
FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
LIVE_FRAMES = 400


def tried(burst: int, away: int, live: int = 200) -> Splice | None:
    """A connection is cut; ``away`` frames later another begins, with the last ``burst`` frames."""
    trial, now = SpliceTrial(), 1000.0
    trial.connected(SOURCE, now)
    for number in range(LIVE_FRAMES):
        now += FRAME_SECONDS
        trial.audio(mp3_frame(number), now)
    trial.cut(now)
    number = LIVE_FRAMES + away
    now += away * FRAME_SECONDS
    trial.connected(SOURCE, now)
    trial.audio(mp3_stream(number - burst, burst), now)
    for more in range(number, number + live):
        now += FRAME_SECONDS
        trial.audio(mp3_frame(more), now)
    trial.ended(now)
    return trial.splice()


@pytest.mark.parametrize("away", [1, 50, 140])
def test_as_long_as_the_burst_is_nothing_is_lost(away: int) -> None:
    splice = tried(burst=150, away=away)
    assert splice is not None
    assert splice.works
    assert splice.bridges_seconds == pytest.approx(150 * FRAME_SECONDS, abs=0.3), "however long this one was"


def test_longer_than_the_burst_is_too_long() -> None:
    splice = tried(burst=150, away=160)
    assert splice is not None
    assert not splice.works


def test_one_connection_proves_nothing() -> None:
    trial = SpliceTrial()
    trial.connected(SOURCE, 0.0)
    trial.audio(mp3_stream(0, 100), 0.0)
    assert trial.splice() is None
