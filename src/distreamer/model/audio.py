"""What the audio is: codecs, formats, frames, and the description of a stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Codec(StrEnum):
    """The families that the framers tell apart."""

    MPEG = "mpeg"
    AAC = "aac"
    VORBIS = "vorbis"
    OPUS = "opus"
    FLAC = "flac"
    OGG = "ogg"
    """Ogg with a codec inside that DiStreamer does not know."""
    OPAQUE = "opaque"
    """Anything else; cut by its bitrate."""

    @property
    def is_ogg(self) -> bool:
        """Whether the codec travels in Ogg pages, with header pages kept apart."""
        return self in {Codec.VORBIS, Codec.OPUS, Codec.FLAC, Codec.OGG}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The format of a run of audio frames."""

    codec: Codec
    clock_rate: int
    """Ticks per second in which durations are counted: the sample rate for framed audio (48000 for Opus,
    whatever its input rate; RFC 7845, section 4), one million for opaque audio."""
    sample_rate: int
    """Hertz; 0 when unknown."""
    channels: int
    """0 when unknown."""
    profile: str = ""
    """What else must be equal for two runs of frames to be joined, in the field's words: ``MPEG-1 layer III``,
    ``AAC LC``. Empty when the codec says it all."""
    bitrate: int = 0
    """Nominal bits per second; 0 when unknown, an average when it varies."""
    content_type: str = "application/octet-stream"
    """The MIME type under which players get it."""

    def joins(self, other: AudioFormat) -> bool:
        """Whether a decoder that plays ``self`` goes on with ``other`` without a new start."""
        return (self.codec, self.clock_rate, self.channels, self.profile) == (
            other.codec,
            other.clock_rate,
            other.channels,
            other.profile,
        )


@dataclass(frozen=True, slots=True)
class Title:
    """What is on air, as the source names it."""

    text: str
    url: str = ""
    """The StreamUrl beside it; mostly empty."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The smallest piece of audio that may be kept, cut off or joined: an MPEG or ADTS frame, or the Ogg
    pages from one fresh packet to the next."""

    data: bytes
    duration: int
    """Ticks of ``format.clock_rate``."""
    format: AudioFormat
    position: int
    """Offset in bytes of the frame's first byte in all that the framer was fed."""
    setup: bytes = b""
    """The Ogg header pages that a decoder needs first; the same object in all frames of a logical stream."""
    title: Title | None = None
    """The title that the container itself gives with its new headers (Vorbis comment); None when it gives none."""


@dataclass(frozen=True, slots=True)
class Station:
    """How the source describes itself (icy-* and ice-* headers)."""

    name: str = ""
    description: str = ""
    genre: str = ""
    url: str = ""
    public: bool | None = None
    """None when the source does not say."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What an epoch carries."""

    format: AudioFormat
    station: Station = field(default_factory=Station)
    legacy_fragment_bytes: int = 0
    """FRAGMENTSIZE of the source's config when it is set there, in bytes; 0 otherwise. MINFRAGMENTS at the far end
    counts in this unit."""
