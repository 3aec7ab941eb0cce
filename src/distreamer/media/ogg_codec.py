"""What OggFramer wants to know about the codec inside: its headers, its format and how long its packets last."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.media.ogg_pages import NO_GRANULE
from distreamer.media.opaque import DEFAULT_BITRATE, TICKS_PER_SECOND
from distreamer.media.vorbis_comment import title_of
from distreamer.model.audio import AudioFormat, Codec, Title
from distreamer.units import BITS_PER_BYTE

CONTENT_TYPE = "audio/ogg"
"""RFC 5334, section 10.2."""

_GRANULE_JUMP_SECONDS = 10
"""A step of the granule position beyond this is a jump of the clock, and not the length of a frame."""


@dataclass(slots=True)
class PageRun:
    """What is known about the pages of a frame, for its duration."""

    ticks: int
    """What the packets that end in them last."""
    granule: int
    """Of the last page on which a packet ends; ``NO_GRANULE`` when there is none."""
    ends: bool
    """Whether the logical stream ends with them."""
    size: int
    """Bytes."""


class OggCodec:
    """A codec in Ogg whose packets tell how long they last. Subclasses say how."""

    header_packets: int | None
    """How many packets are headers, the first one included; it may grow with each of them (FLAC). None: those on
    pages with the granule position 0."""
    format: AudioFormat
    title: Title | None = None
    lead: int = 0
    """Ticks that a decoder throws away at the beginning of the stream."""

    def __init__(self) -> None:
        self._previous_granule: int | None = None

    def add_header(self, packet: bytes) -> None:
        """Takes the next header packet behind the first."""

    def packet_ticks(self, head: bytes) -> int:
        """What the packet that begins with ``head`` lasts, in ticks; 0 when it is none."""
        return 0

    def lose_track(self) -> None:
        """Pages are missing here."""
        self._previous_granule = None

    def duration(self, run: PageRun) -> int:
        """Ticks that a player plays of ``run``: its packets, less what is cut off at both ends of the stream.

        A last page's granule position below the sum of its packets cuts off the end, that of a first page the
        beginning (Vorbis I, appendix A.2; RFC 7845, sections 4.4 and 4.5). A larger difference is a jump of the
        clock, and cuts off nothing.
        """
        ticks = run.ticks
        if run.granule != NO_GRANULE:
            before = self._previous_granule
            if (before is None and run.granule >= 0) or (before is not None and run.ends):
                surplus = (before or 0) + ticks - run.granule
                ticks -= surplus if 0 < surplus <= ticks else 0
            self._previous_granule = run.granule
        skipped = min(self.lead, ticks)
        self.lead -= skipped
        return ticks - skipped


class GranuleCodec(OggCodec):
    """A codec whose granule positions count samples, and whose packets are not looked into: Speex."""

    def duration(self, run: PageRun) -> int:
        """The step of the granule position; 0 where it jumps or is not known."""
        if run.granule == NO_GRANULE:
            return 0
        step = run.granule - (self._previous_granule or 0)
        self._previous_granule = run.granule
        return step if 0 <= step <= _GRANULE_JUMP_SECONDS * self.format.clock_rate else 0


class UnknownCodec(OggCodec):
    """A codec about which nothing is known: its pages last as long as their bytes do at a bitrate."""

    header_packets = None

    def __init__(self, bitrate: int) -> None:
        """``bitrate`` in bits per second; 0 or less: the default of opaque audio."""
        super().__init__()
        self._bitrate = bitrate if bitrate > 0 else DEFAULT_BITRATE
        self.format = AudioFormat(
            Codec.OGG, TICKS_PER_SECOND, 0, 0, bitrate=self._bitrate, content_type="application/ogg"
        )

    def duration(self, run: PageRun) -> int:
        """By the bytes."""
        return run.size * BITS_PER_BYTE * TICKS_PER_SECOND // self._bitrate


class SpeexCodec(GranuleCodec):
    """Speex; its header is that of the Speex manual, section 7.3."""

    MAGIC = b"Speex   "

    _RATE_AT, _CHANNELS_AT, _BITRATE_AT, _EXTRA_HEADERS_AT = 36, 48, 52, 68

    def __init__(self, first: bytes) -> None:
        """``first`` is the first header packet; a short one raises ValueError."""
        super().__init__()

        def field(at: int) -> int:
            return int.from_bytes(first[at : at + 4], "little", signed=True)

        rate, channels, bitrate = field(self._RATE_AT), field(self._CHANNELS_AT), field(self._BITRATE_AT)
        if rate <= 0 or channels not in {1, 2}:
            raise ValueError(f"no Speex header: {rate} Hz, {channels} channels")
        self.header_packets: int | None = 2 + max(0, field(self._EXTRA_HEADERS_AT))
        self.format = AudioFormat(Codec.OGG, rate, rate, channels, "Speex", max(0, bitrate), CONTENT_TYPE)
        self._headers_read = 1

    def add_header(self, packet: bytes) -> None:
        """Takes the title from the comment header, the second one."""
        self._headers_read += 1
        if self._headers_read == 2:
            self.title = title_of(packet)
