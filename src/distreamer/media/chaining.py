"""Whether players go on from one logical Ogg stream to the next, as a chain of them asks for (RFC 3533, section 4).

A decoder ought to take up the headers of each. Many do not, ExoPlayer and all with FFmpeg 8.1 inside (Chromium 156)
among them: they play noise where these differ in what the audio is decoded by.
"""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.media.ogg_writer import header_packets
from distreamer.media.opus import OpusCodec
from distreamer.media.vorbis import VorbisCodec
from distreamer.model.audio import Codec

_VORBIS_BLOCK_SIZES_AT, _VORBIS_SETUP = 28, 2
_OPUS_CHANNELS_AT, _OPUS_MAPPING_AT = 9, 18
_MOST_OPUS_CHANNELS_WITHOUT_MAPPING = 2


_MAGIC = {Codec.VORBIS: VorbisCodec.MAGIC, Codec.OPUS: OpusCodec.MAGIC}


def headers_in(codec: Codec, setup: bytes) -> list[bytes]:
    """The header packets in the header pages ``setup``, of a codec in which they matter here."""
    return header_packets(setup, _MAGIC[codec]) if codec in _MAGIC else []


def goes_on(codec: Codec, running: Sequence[bytes], own: Sequence[bytes]) -> bool:
    """Whether a decoder that has the header packets ``running`` plays audio rightly that belongs to ``own``, of a
    format that joins. True where ``running`` are not whole: nobody knows."""
    if codec is Codec.VORBIS and len(running) > _VORBIS_SETUP:
        same_blocks = running[0][_VORBIS_BLOCK_SIZES_AT] == own[0][_VORBIS_BLOCK_SIZES_AT]
        return same_blocks and running[_VORBIS_SETUP] == own[_VORBIS_SETUP]
    if codec is Codec.OPUS and running and own[0][_OPUS_CHANNELS_AT] > _MOST_OPUS_CHANNELS_WITHOUT_MAPPING:
        return running[0][_OPUS_MAPPING_AT:] == own[0][_OPUS_MAPPING_AT:]
    return True
