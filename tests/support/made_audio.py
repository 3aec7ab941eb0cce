"""Frames and fragments made by hand, for tests that need no decoder."""

from __future__ import annotations

from distreamer.model.audio import AudioFormat, Codec, Frame, StreamInfo, Title
from distreamer.model.fragment import Fragment

MP3 = AudioFormat(Codec.MPEG, 44100, 44100, 2, "MPEG-1 layer III", 128_000, "audio/mpeg")
AAC = AudioFormat(Codec.AAC, 44100, 44100, 2, "AAC LC", 64_000, "audio/aac")
INFO = StreamInfo(MP3)

MP3_HEADER = bytes.fromhex("fffb9000")
"""MPEG-1 layer III, 128 kbit/s, 44100 Hz, stereo, no padding: a frame of 417 bytes and 1152 samples."""
MP3_FRAME_BYTES = 417
MP3_FRAME_SAMPLES = 1152


def mp3_frame(number: int) -> bytes:
    """The ``number``-th of an endless row of valid, distinct MP3 frames (their content is no music)."""
    return MP3_HEADER + number.to_bytes(8, "big") + bytes(MP3_FRAME_BYTES - len(MP3_HEADER) - 8)


def mp3_frame_48(number: int) -> bytes:
    """The same at 48 kHz: a frame of 384 bytes."""
    return bytes.fromhex("fffb9400") + number.to_bytes(8, "big") + bytes(384 - 12)


def mp3_stream(first: int, count: int) -> bytes:
    """``count`` frames from the ``first``-th on."""
    return b"".join(mp3_frame(number) for number in range(first, first + count))


def frame(
    number: int, duration: int = MP3_FRAME_SAMPLES, audio: AudioFormat = MP3, setup: bytes = b"", title: str = ""
) -> Frame:
    """The same as a value."""
    data = mp3_frame(number)
    return Frame(data, duration, audio, number * len(data), setup, Title(title) if title else None)


def fragment(number: int, epoch: int = 1, seconds: float = 1.0, frames: int = 38) -> Fragment:
    """A fragment of 38 frames that lasts ``seconds`` by its own word."""
    duration = round(seconds * MP3.clock_rate)
    audio = mp3_stream((number - 1) * frames, frames)
    return Fragment(epoch, number, (number - 1) * duration, duration, audio, captured_at=1_000_000.0 + number * seconds)
