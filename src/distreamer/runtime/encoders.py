"""How libavcodec is asked for each format. Needs PyAV (the extra ``audio``)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import av

from distreamer.errors import AudioError
from distreamer.media.ogg_writer import header_packets
from distreamer.media.silence_flac import block_size
from distreamer.media.silence_mpeg import mpeg_silence
from distreamer.media.vorbis import VorbisCodec
from distreamer.model.audio import AudioFormat, Codec

_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_BITRATE_PER_CHANNEL = 64_000
"""Where none is known."""
_MOST_OPUS_BITRATE_PER_CHANNEL = 256_000


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder and its muxer, under the names that libavcodec and libavformat give them."""

    name: str
    container: str
    sample_format: str
    layout: str
    sample_rate: int
    """Hertz."""
    bitrate: int = 0
    """Bits per second; 0 where it only comes about."""
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)


def encoder_for(wanted: AudioFormat, setup: bytes) -> Encoder:
    """The encoder whose stream joins ``wanted`` with the Ogg header pages ``setup``, if one does; raises AudioError
    when it is known that there is none."""
    bitrate = wanted.bitrate or _BITRATE_PER_CHANNEL * wanted.channels
    match wanted.codec:
        case Codec.MPEG if wanted.profile.endswith("layer III"):
            # Without the bit reservoir no frame needs the one before it.
            found = _encoder(wanted, "libmp3lame", "mp3", "fltp", _mpeg_bitrate(wanted), {"reservoir": "0"})
            return replace(found, container_options={"write_xing": "0", "id3v2_version": "0"})
        case Codec.MPEG if wanted.profile.endswith("layer II"):
            return _encoder(wanted, "mp2", "mp2", "s16", _mpeg_bitrate(wanted))
        case Codec.AAC:
            return _encoder(wanted, "aac", "adts", "fltp", bitrate)
        case Codec.VORBIS:
            if "libvorbis" not in av.codecs_available:
                raise AudioError("this version of PyAV came without libvorbis, the encoder for Vorbis; av 17.0 has it")
            # The bitrate that the headers name makes libvorbis choose the same code books, also where they were made
            # for a quality.
            return _encoder(wanted, "libvorbis", "ogg", "fltp", _vorbis_bitrate(setup) or bitrate)
        case Codec.OPUS:
            bitrate = min(bitrate, _MOST_OPUS_BITRATE_PER_CHANNEL * wanted.channels)
            return _encoder(wanted, "libopus", "ogg", "flt", bitrate)
        case Codec.FLAC:
            # Decoders make room for the blocks that the running headers tell.
            options = {"frame_size": str(block_size(wanted.sample_rate, setup))}
            return _encoder(wanted, "flac", "ogg", "s16" if wanted.profile == "16 bit" else "s32", 0, options)
        case _:
            raise AudioError(f"there is no encoder for {wanted.profile or wanted.codec.value}")


def _encoder(
    wanted: AudioFormat,
    name: str,
    container: str,
    sample_format: str,
    bitrate: int,
    options: dict[str, str] | None = None,
) -> Encoder:
    layout = _LAYOUTS.get(wanted.channels)
    if layout is None:
        raise AudioError(f"there is no encoder for {wanted.channels} channels")
    return Encoder(name, container, sample_format, layout, wanted.sample_rate, bitrate, options or {})


def _mpeg_bitrate(wanted: AudioFormat) -> int:
    """The nearest that is allowed."""
    return mpeg_silence(wanted, b"", 0).format.bitrate


def _vorbis_bitrate(setup: bytes) -> int:
    """The nominal one; 0 where none is told."""
    headers = header_packets(setup, VorbisCodec.MAGIC)
    return VorbisCodec(headers[0]).format.bitrate if headers else 0
