"""Music, silence, music: through our framers frame by frame, and what decoders say about it."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from distreamer.media.auto import AutoFramer
from distreamer.media.silence import silence_maker
from distreamer.model.audio import Frame
from tests.support.audio_samples import encoded
from tests.support.decoding import CONTAINERS, ffmpeg_says, heard
from tests.support.framing import framed
from tests.support.programs import find_program
from tests.support.silences import SERIAL, pieces_of

FORMATS = [("mp2", 44100, 2), ("aac", 44100, 2), ("aac", 22050, 1), ("aac", 48000, 6)]
OGG_FORMATS = [("vorbis", 44100, 2), ("libopus", 48000, 2), ("libopus", 48000, 6), ("flac", 44100, 2)]
SILENT_PIECES = 8
OPTIONS = {"aac": (("aac_pns", "0"),)}
"""Without noise that the decoder makes up, so that two decodings can be compared."""
VORBIS_BLOCK = 2048


def programme(codec: str, sample_rate: int, channels: int) -> tuple[list[Frame], list[Frame], list[Frame]]:
    """The frames of music, silence like it and other music, as one framer finds them in one stream."""
    before, after = (
        encoded(codec, seconds=seconds, sample_rate=sample_rate, channels=channels, options=OPTIONS.get(codec, ()))
        for seconds in (1.0, 0.8)
    )
    running = framed(AutoFramer(), [before])
    silence = pieces_of(silence_maker(running[0].format, running[0].setup, SERIAL), SILENT_PIECES)
    framer = AutoFramer()
    frames = framed(framer, [before, silence, after])
    assert framer.dropped == 0
    assert {frame.format.joins(running[0].format) for frame in frames} == {True}
    count = len(running)
    return frames[:count], frames[count : count + SILENT_PIECES], frames[count + SILENT_PIECES :]


def stream(frames: list[Frame]) -> bytes:
    """As a player gets them: headers before the frames that need new ones."""
    data, setup = b"", b""
    for frame in frames:
        data += (frame.setup if frame.setup != setup else b"") + frame.data
        setup = frame.setup
    return data


@pytest.mark.parametrize("clip", FORMATS, ids=str)
def test_music_around_silence_is_decoded_as_without_it(clip: tuple[str, int, int]) -> None:
    before, silence, after = programme(*clip)
    container = CONTAINERS[before[0].format.codec]
    ticks = before[0].duration
    samples = heard(stream(before + silence + after), container)
    assert len(samples) == (len(before) + len(silence) + len(after)) * ticks
    alone = heard(stream(before), container)
    assert np.array_equal(samples[: len(alone)], alone)
    begins = len(before) * ticks
    assert not samples[begins + 2 * ticks : begins + len(silence) * ticks].any()
    alone = heard(stream(after), container)
    # libavcodec decodes layer II to 16 bits with a dither that goes on.
    assert np.abs(samples[-len(alone) + 2 * ticks :].astype(float) - alone[2 * ticks :]).max() <= 1 << 16


@pytest.mark.parametrize("clip", OGG_FORMATS, ids=str)
def test_a_chain_of_ogg_streams_lasts_as_long_as_we_say(clip: tuple[str, int, int]) -> None:
    before, silence, after = programme(*clip)
    maker = silence_maker(before[0].format, before[0].setup, SERIAL)
    assert {frame.duration / frame.format.clock_rate for frame in silence} == {maker.seconds}
    data = stream(before + silence + after)
    samples = heard(data, "ogg")
    duration = sum(frame.duration for frame in before + silence + after)
    # Its Vorbis decoder goes on at a join, and so plays each first block, which by the specification is lost.
    assert 0 <= len(samples) - duration <= (3 * VORBIS_BLOCK // 2 if clip[0] == "vorbis" else 0)
    begins = sum(frame.duration for frame in before) + VORBIS_BLOCK
    ends = begins + sum(frame.duration for frame in silence) - 2 * VORBIS_BLOCK
    assert not samples[begins:ends].any()


@pytest.mark.integration
@pytest.mark.parametrize("clip", FORMATS + OGG_FORMATS, ids=str)
def test_ffmpeg_has_nothing_to_say(clip: tuple[str, int, int]) -> None:
    before, silence, after = programme(*clip)
    inside = len(before) // 3
    for first, last in ((0, len(before)), (0, inside)):
        data = stream(before[first:last] + silence + after)
        assert ffmpeg_says(data, CONTAINERS[before[0].format.codec]) == ""


def libvorbis(seconds: float, channels: int) -> bytes:
    """Noise from the encoder that most streams come from, under a serial number by chance."""
    source = f"anoisesrc=duration={seconds}:sample_rate=44100:amplitude=0.3"
    command = (find_program("ffmpeg"), "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-ac", str(channels))
    return subprocess.run((*command, "-c:a", "libvorbis", "-f", "ogg", "-"), capture_output=True, check=True).stdout


@pytest.mark.integration
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_silence_by_the_code_books_of_libvorbis(channels: int) -> None:
    before, after = framed(AutoFramer(), [libvorbis(1.0, channels)]), framed(AutoFramer(), [libvorbis(0.8, channels)])
    silence = framed(AutoFramer(), [pieces_of(silence_maker(before[0].format, before[0].setup, SERIAL), SILENT_PIECES)])
    assert silence[0].format.joins(before[0].format)
    alone = heard(stream(silence), "ogg")
    assert len(alone) == sum(frame.duration for frame in silence)
    assert not alone.any()
    assert ffmpeg_says(stream(before + silence + after), "ogg") == ""
