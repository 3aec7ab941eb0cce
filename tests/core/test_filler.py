"""Filler: fragments of silence, or of a clip, that follow a programme of any format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from distreamer.core.filler import Filler
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader
from distreamer.model.audio import AudioFormat, Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded
from tests.support.clips import clip
from tests.support.decoding import CONTAINERS, heard
from tests.support.made_audio import fragment

CODECS = ("libmp3lame", "aac", "libvorbis", "libopus", "flac")


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


def samples_of(fragments: list[Fragment], info: StreamInfo) -> npt.NDArray[np.int32]:
    audio = fragments[0].setup + b"".join(one.audio for one in fragments)
    return heard(audio, CONTAINERS[info.format.codec.value])


@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_that_joins_the_programme_is_played_round_after_round(codec: str) -> None:
    last, info = last_of(codec)
    filler = Filler(Title("We are back soon"))
    filler.clip = clip(codec)
    assert filler.begin(last, info)
    assert filler.plays_clip
    fragments = [filler.next(5.0) for _ in range(6)]
    seconds = [one.duration / info.format.clock_rate for one in fragments]
    assert all(0.9 <= one <= 1.6 for one in seconds), seconds
    assert {(one.captured_at, one.title, one.epoch) for one in fragments} == {(5.0, Title("We are back soon"), 7)}
    samples = samples_of(fragments, info)
    assert len(samples) / 48_000 == pytest.approx(sum(seconds), abs=0.1)
    levels = np.abs(samples[: len(samples) // 9_600 * 9_600].reshape(-1, 9_600, 2)).max(axis=(1, 2))
    assert levels.min() > 1 << 28  # The tone has an eighth of the full scale and more, also where rounds meet.
    # The next run begins with the same, as another logical stream where there are any.
    assert filler.begin(last, info)
    again = filler.next(5.0)
    assert np.array_equal(samples_of([again], info), samples_of(fragments[:1], info))
    assert (again.setup == fragments[0].setup) == (not info.format.codec.is_ogg)


def test_a_clip_of_another_format_is_not_played() -> None:
    last, info = last_of("libmp3lame")
    filler = Filler()
    filler.clip = clip("libmp3lame", sample_rate=44100)
    assert filler.begin(last, info)
    assert not filler.plays_clip
    assert np.abs(samples_of([filler.next(0.0) for _ in range(3)], info)).max() < 1 << 8


def test_a_clip_with_other_code_books_is_not_played() -> None:
    """Players that go on with those of the programme would play noise."""
    last, info = last_of("libvorbis")
    filler = Filler()
    filler.clip = clip("libvorbis", bitrate=192_000)
    assert filler.clip.format.joins(info.format)
    assert filler.begin(last, info)
    assert not filler.plays_clip
    assert np.abs(samples_of([filler.next(0.0) for _ in range(3)], info)).max() < 1 << 8


@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_that_comes_during_silence_takes_its_place(codec: str) -> None:
    last, info = last_of(codec)
    filler = Filler()
    filler.begin(last, info)
    silence = filler.next(0.0)
    assert not filler.plays_clip
    filler.clip = clip(codec)
    loud = [filler.next(0.0) for _ in range(3)]
    assert filler.plays_clip
    samples = samples_of([silence], info), samples_of(loud, info)
    assert [int(np.abs(one).max()) > 1 << 28 for one in samples] == [False, True]
    if info.format.codec.is_ogg:
        assert silence.setup != loud[0].setup == loud[2].setup


def test_there_is_none_for_audio_that_nobody_understands() -> None:
    info = StreamInfo(AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0))
    assert not Filler().begin(fragment(1), info)
