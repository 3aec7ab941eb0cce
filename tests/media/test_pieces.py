"""What audio consists of: the same for everybody who passes it on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.media.auto import AutoFramer
from distreamer.media.pieces import Piece, pieces
from distreamer.model.audio import Codec
from tests.support.audio_samples import encoded
from tests.support.framing import framed
from tests.support.made_audio import mp3_stream
from tests.support.ogg_samples import split_pages

CLIPS = ["libmp3lame", "mp2", "aac", "vorbis", "flac"]


@pytest.mark.parametrize("encoder", CLIPS)
def test_a_run_of_frames_consists_of_the_pieces_of_each(encoder: str) -> None:
    frames = framed(AutoFramer(), [encoded(encoder, seconds=3)])
    codec = frames[0].format.codec
    audio = b"".join(frame.data for frame in frames)
    found = pieces(audio, codec)
    places, alone = [], []
    for frame in frames:
        for piece in pieces(frame.data, codec):
            places.append(sum(len(one.data) for one in frames[: frames.index(frame)]) + piece.offset)
            alone.append(piece.digest)
    assert [piece.offset for piece in found] == places
    assert [piece.digest for piece in found] == alone
    assert len(set(alone)) == len(alone)
    if codec.is_ogg:
        assert [audio[a:b] for a, b in pairwise([*places, len(audio)])] == split_pages(audio)
    else:
        assert len(found) == len(frames)


@pytest.mark.parametrize("codec", [Codec.MPEG, Codec.AAC, Codec.OGG, Codec.OPAQUE])
def test_what_is_no_run_of_frames_has_no_pieces(codec: Codec) -> None:
    whole = mp3_stream(0, 3)
    for audio in (b"", b"x" * 2000, whole[:-1], whole[1:], whole + b"\xff", b"OggS", b"OggS" + bytes(24)):
        assert pieces(audio, codec) == []


def test_another_byte_is_another_piece() -> None:
    first, second = mp3_stream(0, 1), mp3_stream(1, 1)
    assert pieces(first + second + first, Codec.MPEG) == [
        Piece(0, pieces(first, Codec.MPEG)[0].digest),
        Piece(417, pieces(second, Codec.MPEG)[0].digest),
        Piece(834, pieces(first, Codec.MPEG)[0].digest),
    ]
    assert pieces(first, Codec.MPEG) != pieces(second, Codec.MPEG)


@given(st.binary(max_size=200), st.sampled_from(list(Codec)), st.sampled_from([b"", b"\xff\xfb\x90\x00", b"OggS\0"]))
def test_any_bytes_are_taken(noise: bytes, codec: Codec, begin: bytes) -> None:
    audio = begin + noise
    places = [piece.offset for piece in pieces(audio, codec)]
    assert places == sorted(set(places))
    assert not places or (places[0] == 0 and places[-1] < len(audio))
