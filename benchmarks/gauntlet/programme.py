"""A programme whose every MP3 frame is known and occurs once: silence to the ear, numbers to whoever looks.

Frames are legal MPEG-1 layer III at a constant bitrate whose side information gives no bits to the sound. The rest of a
frame holds bytes that follow from its number, so a frame that is missing, repeated or damaged is found out, and no
encoder is needed.
"""

from __future__ import annotations

from hashlib import shake_128

from distreamer.demo.hearing import KnownFrames
from distreamer.demo.programme import Programme, programme_of

SAMPLE_RATE = 44_100
FRAME_SAMPLES = 1152
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
LENGTH_SECONDS = 600
"""Longer than any run, so that nothing is ever repeated on purpose."""
TITLE_SECONDS = 12.0
HEADER_BYTES, SIDE_INFO_BYTES = 4, 32
_BITRATE_INDEX = {64: 5, 96: 7, 128: 9, 192: 11, 256: 13, 320: 14}
"""By kbit/s (ISO/IEC 11172-3, section 2.4.2.3)."""

FRAMES = round(LENGTH_SECONDS / FRAME_SECONDS)
FRAMES_PER_TITLE = round(TITLE_SECONDS / FRAME_SECONDS)


def frame(number: int, kilobits: int) -> bytes:
    """The frame at that place of the programme of ``kilobits`` kbit/s."""
    # The bytes of all frames up to this one are a whole number, so the padding is what is left over.
    slots = FRAME_SAMPLES // 8 * kilobits * 1000
    size = slots * (number + 1) // SAMPLE_RATE - slots * number // SAMPLE_RATE
    padding = size - slots // SAMPLE_RATE
    header = bytes([0xFF, 0xFB, _BITRATE_INDEX[kilobits] << 4 | padding << 1, 0])
    # No byte is 0xFF, so that no part of a frame looks like the beginning of another.
    stamp = shake_128(b"%d" % number).digest(size - HEADER_BYTES - SIDE_INFO_BYTES).replace(b"\xff", b"\xfe")
    return header + bytes(SIDE_INFO_BYTES) + stamp


def is_silence(data: bytes) -> bool:
    """Whether a frame that is not known is one of silence, as programs make it that have nothing to play."""
    body = data[HEADER_BYTES + SIDE_INFO_BYTES :]
    has_no_sound = not any(data[HEADER_BYTES : HEADER_BYTES + SIDE_INFO_BYTES])
    # Fill is one byte, over and over, but for the last; see ``distreamer.media.silence_mpeg``.
    return has_no_sound and len(set(body[:-1])) <= 1


def title(number: int) -> str:
    """The title at the frame of that number."""
    return f"Title {number // FRAMES_PER_TITLE:03}"


def programme(kilobits: int) -> Programme:
    """The whole programme."""
    songs = [
        (title(first), [frame(number, kilobits) for number in range(first, min(first + FRAMES_PER_TITLE, FRAMES))])
        for first in range(0, FRAMES, FRAMES_PER_TITLE)
    ]
    return programme_of(songs)


def known_frames(kilobits: int) -> KnownFrames:
    """What listeners should hear."""
    known = KnownFrames()
    for number in range(FRAMES):
        known.learn(frame(number, kilobits))
    return known
