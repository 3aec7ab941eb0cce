"""Framing of AAC in ADTS (ISO/IEC 13818-7, section 6.2; ISO/IEC 14496-3, section 1.A.2.2)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from distreamer.media.sync import Header, SyncFramer
from distreamer.model.audio import AudioFormat, Codec

_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_PROFILES = ("AAC Main", "AAC LC", "AAC SSR", "AAC LTP")
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
"""By channel configuration; that of 0 stands in the audio itself."""
_SAMPLES_PER_BLOCK = 1024
_CRC_BYTES = 2


class AdtsRun(NamedTuple):
    """What the frames of a run share; MPEG-2 or MPEG-4 in the header makes no difference to a decoder."""

    profile: str
    sample_rate: int
    """Hertz."""
    channels: int
    """0 when the header does not say."""


class AdtsFramer(SyncFramer[AdtsRun]):
    """Cuts ADTS into its frames, each of one to four raw data blocks of 1024 samples.

    The format is what the header says: HE-AAC announces its AAC LC core at half the rate that a decoder plays,
    and durations count in that rate. The header gives no bitrate.
    """

    header_size: ClassVar[int] = 7
    largest_frame: ClassVar[int] = 8191
    sync_pattern: ClassVar[bytes] = rb"\xff[\xf0\xf1\xf8\xf9]"

    @classmethod
    def header(cls, data: bytes, at: int) -> Header[AdtsRun] | None:
        """The header at ``at``; None when it is none."""
        if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
            return None
        rate_index = data[at + 2] >> 2 & 0xF
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        smallest = cls.header_size + (0 if data[at + 1] & 1 else _CRC_BYTES)
        if rate_index >= len(_SAMPLE_RATES) or size <= smallest:
            return None
        channels = _CHANNELS[(data[at + 2] & 1) << 2 | data[at + 3] >> 6]
        run = AdtsRun(_PROFILES[data[at + 2] >> 6], _SAMPLE_RATES[rate_index], channels)
        return Header(size, _SAMPLES_PER_BLOCK * ((data[at + 6] & 3) + 1), run, 0)

    @classmethod
    def audio_format(cls, header: Header[AdtsRun]) -> AudioFormat:
        """The format of the run."""
        profile, sample_rate, channels = header.run
        return AudioFormat(Codec.AAC, sample_rate, sample_rate, channels, profile, 0, "audio/aac")
