"""Filler: fragments of silence that follow a programme of any format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distreamer.core.filler import Filler
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader
from distreamer.model.audio import AudioFormat, Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded
from tests.support.decoding import CONTAINERS, heard
from tests.support.made_audio import fragment

CODECS = ("libmp3lame", "aac", "vorbis", "libopus", "flac")


def last_of(codec: str) -> tuple[Fragment, StreamInfo]:
    """A fragment of a real programme."""
    frame = AutoFramer().feed(encoded(codec, seconds=2, sample_rate=48000))[-1]
    info = StreamInfo(replace(frame.format, bitrate=frame.format.bitrate or 128_000))
    return Fragment(7, 3, 96_000, frame.duration, frame.data, 1e9, Title("Song"), setup=frame.setup), info


@pytest.mark.parametrize("codec", CODECS)
def test_it_is_silence_that_joins_the_programme(codec: str) -> None:
    last, info = last_of(codec)
    filler = Filler()
    assert filler.begin(last, info)
    fragments = [filler.next(5.0) for _ in range(5)]
    seconds = [one.duration / info.format.clock_rate for one in fragments]
    assert all(0.9 <= one <= 1.6 for one in seconds), seconds
    assert all(one.captured_at == 5.0 and one.title is None and one.epoch == 7 for one in fragments)
    audio = fragments[0].setup + b"".join(one.audio for one in fragments)
    frames = AutoFramer().feed(audio)
    assert frames
    assert all(info.format.joins(frame.format) for frame in frames)
    samples = heard(audio, CONTAINERS[info.format.codec.value])
    assert len(samples) >= 4 * 48_000
    assert np.abs(samples).max() < 1 << 8


def test_each_run_in_ogg_is_another_logical_stream() -> None:
    last, info = last_of("libopus")
    filler = Filler()
    serials = set()
    for _ in range(3):
        assert filler.begin(last, info)
        one = filler.next(0.0)
        serials |= {page.serial for page in PageReader().feed(one.setup + one.audio)}
    assert len(serials) == 3


@pytest.mark.parametrize("codec", ["libmp3lame", "aac", "vorbis", "libopus"])
def test_it_takes_as_many_bytes_as_the_programme(codec: str) -> None:
    """Players that buffer by bytes, as Chromium does, would stand still otherwise."""
    framer = AutoFramer()
    frames = framer.feed(encoded(codec, seconds=6, sample_rate=48000))[4:]
    audio, ticks = b"".join(frame.data for frame in frames), sum(frame.duration for frame in frames)
    last, info = Fragment(7, 3, 0, ticks, audio, 1e9, setup=frames[-1].setup), StreamInfo(frames[-1].format)
    filler = Filler()
    assert filler.begin(last, info)
    silence = [filler.next(5.0) for _ in range(5)]
    rate = sum(len(one.audio) for one in silence) / sum(one.duration for one in silence)
    wanted = info.format.bitrate / 8 / info.format.clock_rate or len(audio) / ticks
    assert rate == pytest.approx(wanted, rel=0.1)


def test_it_says_its_title() -> None:
    last, info = last_of("libmp3lame")
    filler = Filler(Title("We are back soon"))
    filler.begin(last, info)
    assert [filler.next(0.0).title for _ in range(3)] == [Title("We are back soon")] * 3


def test_there_is_none_for_audio_that_nobody_understands() -> None:
    info = StreamInfo(AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0))
    assert not Filler().begin(fragment(1), info)
