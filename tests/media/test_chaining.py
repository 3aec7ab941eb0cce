"""Which headers players may keep when a logical Ogg stream follows another."""

from __future__ import annotations

import pytest

from distreamer.media.chaining import goes_on
from distreamer.media.clip import Clip
from distreamer.model.audio import Codec
from tests.support.clips import clip

VORBIS, OPUS, FLAC = (clip(codec) for codec in ("libvorbis", "libopus", "flac"))
SURROUND = clip("libopus", channels=6)


@pytest.mark.parametrize("one", [VORBIS, OPUS, FLAC, SURROUND], ids=["Vorbis", "Opus", "FLAC", "Opus 5.1"])
def test_the_same_headers_and_other_titles(one: Clip) -> None:
    other = (one.headers[0], b"another title", *one.headers[2:])
    assert goes_on(one.format.codec, one.headers, other)


def changed(packet: bytes, at: int) -> bytes:
    """With another byte there."""
    return packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]


def test_other_code_books_or_blocks_in_vorbis() -> None:
    first, comments, books = VORBIS.headers
    assert not goes_on(Codec.VORBIS, VORBIS.headers, (first, comments, changed(books, 500)))
    assert not goes_on(Codec.VORBIS, VORBIS.headers, (changed(first, 28), comments, books))
    assert goes_on(Codec.VORBIS, VORBIS.headers, (changed(first, 20), comments, books))  # the nominal bitrate


def test_another_mapping_in_opus() -> None:
    first, comments = SURROUND.headers
    assert not goes_on(Codec.OPUS, SURROUND.headers, (changed(first, 21), comments))
    assert goes_on(Codec.OPUS, SURROUND.headers, (changed(first, 10), comments))  # the pre-skip
    assert goes_on(Codec.OPUS, OPUS.headers, (changed(OPUS.headers[0], 18), OPUS.headers[1]))


@pytest.mark.parametrize("codec", [Codec.VORBIS, Codec.OPUS, Codec.FLAC])
def test_where_nobody_knows_what_runs(codec: Codec) -> None:
    own = {Codec.VORBIS: VORBIS, Codec.OPUS: OPUS, Codec.FLAC: FLAC}[codec].headers
    assert goes_on(codec, [], own)
