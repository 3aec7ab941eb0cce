"""Clips for tests: a tone over soft noise in the format of a stream."""

from __future__ import annotations

from itertools import islice

from distreamer.media.auto import AutoFramer
from distreamer.media.clip import Clip, clip_of, endless
from distreamer.model.audio import AudioFormat
from tests.support.audio_samples import encoded

WITHOUT_RESERVOIR = (("reservoir", "0"),)
SERIAL = 0x0C11B


def clip(
    codec: str, *, seconds: float = 2.0, sample_rate: int = 48000, channels: int = 2, bitrate: int = 128_000
) -> Clip:
    """What libavcodec's encoder ``codec`` makes."""
    stream = encoded_clip(codec, seconds=seconds, sample_rate=sample_rate, channels=channels, bitrate=bitrate)
    return clip_of(stream, format_in(stream))


def encoded_clip(
    codec: str, *, seconds: float = 2.0, sample_rate: int = 48000, channels: int = 2, bitrate: int = 128_000
) -> bytes:
    """The stream of which ``clip`` is made."""
    options = WITHOUT_RESERVOIR if codec == "libmp3lame" else ()
    return encoded(codec, seconds=seconds, sample_rate=sample_rate, channels=channels, bitrate=bitrate, options=options)


def format_in(stream: bytes) -> AudioFormat:
    """What a framer says of its first frame."""
    return AutoFramer().feed(stream)[0].format


def pieces_of(clip: Clip, count: int) -> list[bytes]:
    """The first so many pieces of its endless stream."""
    return list(islice(endless(clip, SERIAL), count))


def rounds_of(clip: Clip, count: float) -> bytes:
    """So many rounds of it, to the next piece."""
    wanted = count * len(clip.audio) + sum(map(len, clip.headers))
    data = bytearray()
    for piece in endless(clip, SERIAL):
        data += piece
        if len(data) >= wanted:
            break
    return bytes(data)
