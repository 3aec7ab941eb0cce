"""What a file holds, found out by its first bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distreamer.media.probe import probe
from distreamer.model.audio import Codec
from tests.support.audio_samples import encoded

FORMATS = {
    "libmp3lame": Codec.MPEG,
    "aac": Codec.AAC,
    "vorbis": Codec.VORBIS,
    "libopus": Codec.OPUS,
    "flac": Codec.FLAC,
}


def pieces(data: bytes) -> Iterator[bytes]:
    yield from (data[at : at + 1000] for at in range(0, len(data), 1000))


@pytest.mark.parametrize("codec", list(FORMATS))
def test_known_formats(codec: str) -> None:
    rate = 48000 if codec == "libopus" else 44100
    frame = probe(pieces(encoded(codec, seconds=0.5, sample_rate=rate)))
    assert frame is not None
    assert (frame.format.codec, frame.format.sample_rate, frame.format.channels) == (FORMATS[codec], rate, 2)


def test_a_large_cover_picture_in_front() -> None:
    tag = b"ID3\x04\0\0" + bytes([0, 64, 0, 0]) + bytes(1_048_576)
    found = probe(pieces(tag + encoded("libmp3lame", seconds=0.5)))
    assert found is not None
    assert found.format.codec is Codec.MPEG


@pytest.mark.parametrize("data", [b"", b"RIFF" + bytes(300_000), b"words " * 50_000], ids=["empty", "wav", "text"])
def test_what_is_no_audio_that_we_know(data: bytes) -> None:
    assert probe(pieces(data)) is None


def test_no_more_is_read_than_is_needed() -> None:
    read = []

    def reading() -> Iterator[bytes]:
        for piece in pieces(encoded("libmp3lame", seconds=10)):
            read.append(piece)
            yield piece

    probe(reading())
    assert len(read) < 10
