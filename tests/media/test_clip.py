"""Clips: what is cut out of an encoded stream, and round after round of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.clip import clip_of, dumped, loaded
from distreamer.media.flac_frame import coded_number
from distreamer.media.ogg_pages import PageReader
from distreamer.model.audio import AudioFormat, Codec
from tests.support.clips import SERIAL, clip, encoded_clip, format_in, pieces_of, rounds_of
from tests.support.decoding import CONTAINERS, ffmpeg_says, heard, mpg123_says
from tests.support.framing import framed

CODECS = ("libmp3lame", "mp2", "aac", "libvorbis", "libopus", "flac")
OGG = ("libvorbis", "libopus", "flac")
ROUNDS = 3.5


@pytest.mark.parametrize("codec", CODECS)
def test_a_round_is_the_stream(codec: str) -> None:
    found = clip(codec)
    assert found.seconds == pytest.approx(2, abs=0.12)
    assert sum(found.sizes) == len(found.audio)
    assert b"".join(found.pieces()) == found.audio
    assert found.format.joins(format_in(encoded_clip(codec)))
    assert found.format.bitrate == pytest.approx(len(found.audio) * 8 / found.seconds, rel=0.02)


@pytest.mark.parametrize("codec", CODECS)
def test_rounds_are_heard_one_after_the_other(codec: str) -> None:
    found = clip(codec)
    samples = heard(rounds_of(found, ROUNDS), CONTAINERS[found.format.codec.value]) / (1 << 31)
    assert len(samples) / 48000 == pytest.approx(ROUNDS * found.seconds, abs=0.6)
    blocks = samples[: len(samples) // 4800 * 4800].reshape(-1, 4800, 2)
    # A tenth of a second is as loud as the other, but for the one in which an encoder begins and ends.
    levels = np.sqrt((blocks**2).mean(axis=1))
    assert np.count_nonzero(abs(levels / np.median(levels) - 1).max(axis=1) > 0.1) <= 2 * (ROUNDS + 1)


@pytest.mark.integration
@pytest.mark.parametrize("codec", CODECS)
def test_no_decoder_has_anything_to_say_of_them(codec: str) -> None:
    found = clip(codec)
    data = rounds_of(found, ROUNDS)
    container = CONTAINERS[found.format.codec.value]
    assert ffmpeg_says(data, container) == ""
    assert container != "mp3" or mpg123_says(data) == ""


@pytest.mark.parametrize("codec", OGG)
def test_in_ogg_all_rounds_are_one_logical_stream(codec: str) -> None:
    found = clip(codec)
    data = rounds_of(found, ROUNDS)
    pages = PageReader().feed(data)
    assert sum(len(page.data) for page in pages) == len(data)
    assert {page.serial for page in pages} == {SERIAL}
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert [page.begins for page in pages] == [True] + [False] * (len(pages) - 1)
    assert not any(page.continued or page.ends for page in pages)
    frames = framed(AutoFramer(), [data])
    assert len({frame.setup for frame in frames}) == 1
    granules = [page.granule for page in pages if page.granule]
    assert len(granules) == len(frames)
    # From the second on: the first lacks what the decoder throws away.
    assert [after - before for before, after in pairwise(granules)] == [frame.duration for frame in frames[1:]]
    assert max(frame.duration for frame in frames) <= 0.4 * found.format.clock_rate


def test_in_flac_frames_count_on() -> None:
    found = clip("flac")
    pages = PageReader().feed(rounds_of(found, 4))
    packets = [part.data for page in pages for part in page.packets() if page.granule]
    assert len(packets) > 3 * len(found.sizes)
    assert all(packet[4:].startswith(coded_number(number)) for number, packet in enumerate(packets))
    frames = framed(AutoFramer(), [b"".join(page.data for page in pages)])
    assert sum(frame.duration for frame in frames) % len(packets) == 0


def test_a_packet_may_be_larger_than_a_page() -> None:
    found = clip("flac", sample_rate=96000, channels=6)
    assert max(found.sizes) > 65_025
    data = b"".join(pieces_of(found, 12))
    assert len(heard(data, "ogg")) > 40_000


@pytest.mark.parametrize("codec", CODECS)
def test_each_run_begins_at_the_beginning(codec: str) -> None:
    found = clip(codec)
    assert pieces_of(found, 5) == pieces_of(found, 5)


@pytest.mark.parametrize(
    ("codec", "wanted", "words"),
    [
        ("libmp3lame", {"channels": 1}, "the stream is MPEG-1 layer III of 1 channels at 48000 Hz, and what"),
        ("aac", {"profile": "AAC Main"}, "AAC Main of 2 channels at 48000 Hz, and what could be made for it is AAC LC"),
        ("libvorbis", {"clock_rate": 44100, "sample_rate": 44100}, "Vorbis of 2 channels at 44100 Hz"),
        ("flac", {"profile": "24 bit"}, "24 bit of 2 channels at 48000 Hz"),
    ],
)
def test_what_does_not_join_the_stream_is_no_clip(codec: str, wanted: dict[str, object], words: str) -> None:
    stream = encoded_clip(codec)
    with pytest.raises(AudioError, match=words):
        clip_of(stream, replace(format_in(stream), **wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", [Codec.MPEG, Codec.VORBIS])
@pytest.mark.parametrize("stream", [b"", b"OggS", bytes(5000)], ids=len)
def test_without_audio_there_is_no_clip(codec: Codec, stream: bytes) -> None:
    with pytest.raises(AudioError, match="gave no audio"):
        clip_of(stream, AudioFormat(codec, 44100, 44100, 2))


@pytest.mark.parametrize("codec", OGG)
def test_headers_alone_are_no_clip(codec: str) -> None:
    stream = encoded_clip(codec)
    setup = AutoFramer().feed(stream)[0].setup
    with pytest.raises(AudioError, match="gave no audio"):
        clip_of(setup, format_in(stream))


@pytest.mark.parametrize("codec", CODECS)
def test_it_can_be_sent(codec: str) -> None:
    found = clip(codec)
    assert loaded(dumped(found)) == found
    assert pieces_of(loaded(dumped(found)), 9) == pieces_of(found, 9)


DUMPED = dumped(clip("libopus", seconds=0.5))


@given(st.integers(0, len(DUMPED) - 1))
def test_what_breaks_off_is_refused(size: int) -> None:
    with pytest.raises(ValueError):
        loaded(DUMPED[:size])


@pytest.mark.parametrize("text", [b"[]", b"{}", b"null", b'{"format": {"codec": "mpeg"}, "seconds": 1}', b"\xff"])
def test_what_is_no_clip_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        loaded(len(text).to_bytes(4, "big") + text)
