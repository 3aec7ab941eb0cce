"""HTTP Live Streaming of packed audio (RFC 8216): segments with their time stamps, and the playlist that lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distreamer.model.audio import Codec, Title
from distreamer.units import utc_text

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
TIMESTAMP_RATE = 90_000
"""Ticks per second of the time stamps."""
TIMESTAMP_BITS = 33
MOST_TITLE_CHARACTERS = 500
"""What is kept of a title in a segment's tag."""

_TIMESTAMP_OWNER = b"com.apple.streaming.transportStreamTimestamp"
_VERSION = 3
"""The first with durations that are no whole seconds (section 7)."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How a codec's segments are named and called."""

    ending: str
    content_type: str


_PACKINGS = {Codec.MPEG: Packing("mp3", "audio/mpeg"), Codec.AAC: Packing("aac", "audio/aac")}


def packing_of(codec: Codec) -> Packing | None:
    """None for a codec that cannot be packed (section 3.4)."""
    return _PACKINGS.get(codec)


@dataclass(frozen=True, slots=True)
class Segment:
    """A few seconds of whole frames, with the tag in front of them."""

    number: int
    """Its media sequence number."""
    name: str
    """Under which it is asked for."""
    content_type: str
    seconds: float
    begins_at: float
    """Unix time at which its first sample was due."""
    discontinuities: int
    """How many there were so far, the one in front of it included."""
    is_discontinuous: bool
    """Whether there is one in front of it."""
    body: bytes


def segment_tag(timestamp: int, title: Title | None) -> bytes:
    """The ID3 tag (version 2.4) in front of a segment: the ``timestamp`` of its first sample in units of 1/90000 s, of
    which 33 bits are kept (section 3.4), and the title that is on air."""
    low_bits = timestamp % (1 << TIMESTAMP_BITS)
    frames = _frame(b"PRIV", _TIMESTAMP_OWNER + b"\0" + low_bits.to_bytes(8, "big"))
    if title is not None and title.text:
        # Encoding 3 is UTF-8.
        frames += _frame(b"TIT2", b"\x03" + title.text[:MOST_TITLE_CHARACTERS].encode("utf-8", "replace"))
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames


def playlist(segments: Sequence[Segment], target_seconds: int) -> str:
    """The media playlist of at least one segment; ``target_seconds`` is the longest that one may last, rounded."""
    first = segments[0]
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{target_seconds}",
        f"#EXT-X-MEDIA-SEQUENCE:{first.number}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{first.discontinuities - first.is_discontinuous}",
    ]
    for segment in segments:
        if segment.is_discontinuous:
            lines.append("#EXT-X-DISCONTINUITY")
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{utc_text(segment.begins_at)}",
            f"#EXTINF:{segment.seconds:.6f},",
            segment.name,
        ]
    return "\n".join(lines) + "\n"


def _frame(name: bytes, data: bytes) -> bytes:
    return name + _synchsafe(len(data)) + b"\0\0" + data


def _synchsafe(size: int) -> bytes:
    """Seven bits to a byte, so that no size looks like the beginning of a frame of audio."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
