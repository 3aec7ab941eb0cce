"""Framing of MPEG audio: MPEG-1, 2 and 2.5, layers I, II and III.

Header: ISO/IEC 11172-3, section 2.4.1.3, and ISO/IEC 13818-3 for the lower sample rates; MPEG-2.5 is the
extension of Fraunhofer that all decoders follow. Free format (bitrate index 0) has no size in its header, no
radio encoder makes it, and it is treated as garbage.
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar, NamedTuple

from distreamer.media.sync import Header, SyncFramer
from distreamer.model.audio import AudioFormat, Codec

_VERSIONS = {0: "2.5", 2: "2", 3: "1"}
_LAYERS = {1: 3, 2: 2, 3: 1}
_LAYER_NAMES = {1: "I", 2: "II", 3: "III"}
_SAMPLE_RATES = {"1": (44100, 48000, 32000), "2": (22050, 24000, 16000), "2.5": (11025, 12000, 8000)}
_LOW_II_III = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LOW_I = (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_KBITS = {
    ("1", 1): tuple(range(32, 449, 32)),
    ("1", 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    ("1", 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    ("2", 1): _LOW_I,
    ("2", 2): _LOW_II_III,
    ("2", 3): _LOW_II_III,
}
"""By version (2.5 uses those of 2) and layer, for the bitrate indices from 1 to 14."""
_LAYER_I_SLOT_BYTES = 4
_MONO = 3

_VBRI_AT = 36
_SIDE_INFO_BYTES = {("1", 2): 32, ("1", 1): 17, ("2", 2): 17, ("2", 1): 9}
"""Of layer III, by version (2.5 as 2) and channels."""


class MpegRun(NamedTuple):
    """What the frames of a run share."""

    version: str
    """``1``, ``2`` or ``2.5``."""
    layer: int
    sample_rate: int
    """Hertz."""
    channels: int

    @property
    def side_info_bytes(self) -> int:
        """Bytes of the side information of layer III, behind the header (ISO/IEC 11172-3, section 2.4.1.7)."""
        return _SIDE_INFO_BYTES["1" if self.version == "1" else "2", self.channels]


@cache
def _header(version_and_layer: int, rates: int, channels: int) -> Header[MpegRun] | None:
    """The header whose second and third byte are given; None when they hold a reserved value or free format."""
    version = _VERSIONS.get(version_and_layer >> 3 & 3)
    layer = _LAYERS.get(version_and_layer >> 1 & 3)
    bitrate_index, rate_index, padding = rates >> 4, rates >> 2 & 3, rates >> 1 & 1
    if version is None or layer is None or bitrate_index in {0, 15} or rate_index == 3:
        return None
    sample_rate = _SAMPLE_RATES[version][rate_index]
    bitrate = _KBITS["1" if version == "1" else "2", layer][bitrate_index - 1] * 1000
    samples = 384 if layer == 1 else 576 if layer == 3 and version != "1" else 1152
    if layer == 1:
        size = (12 * bitrate // sample_rate + padding) * _LAYER_I_SLOT_BYTES
    else:
        size = samples // 8 * bitrate // sample_rate + padding
    return Header(size, samples, MpegRun(version, layer, sample_rate, channels), bitrate)


class MpegFramer(SyncFramer[MpegRun]):
    """Cuts MPEG audio into its frames, at any bitrate, constant or varying.

    The frame of LAME and Fraunhofer encoders that only describes the file which follows (Xing, Info, VBRI) is
    dropped: it is silence, and what it says about length is wrong in a live stream.
    """

    header_size: ClassVar[int] = 4
    largest_frame: ClassVar[int] = 2881
    sync_pattern: ClassVar[bytes] = rb"\xff[\xe2-\xe7\xf2-\xff][\x10-\xef]"

    @classmethod
    def header(cls, data: bytes, at: int) -> Header[MpegRun] | None:
        """The header at ``at``; None when it is none."""
        if data[at] != 0xFF or data[at + 1] < 0xE0:
            return None
        return _header(data[at + 1], data[at + 2], 1 if data[at + 3] >> 6 == _MONO else 2)

    @classmethod
    def audio_format(cls, header: Header[MpegRun]) -> AudioFormat:
        """The format of the run; joint stereo is stereo, and the bitrate is that of ``header``'s frame."""
        version, layer, sample_rate, channels = header.run
        profile = f"MPEG-{version} layer {_LAYER_NAMES[layer]}"
        return AudioFormat(Codec.MPEG, sample_rate, sample_rate, channels, profile, header.bitrate, "audio/mpeg")

    @classmethod
    def has_audio(cls, frame: bytes, run: MpegRun) -> bool:
        """False for a frame that holds a Xing, Info or VBRI table."""
        if run.layer != 3:
            return True
        table = frame.startswith((b"Xing", b"Info"), cls.header_size + run.side_info_bytes)
        return not (table or frame.startswith(b"VBRI", _VBRI_AT))
