"""Formats in words, and whether a stream is what its server says. Pure."""

from __future__ import annotations

from distreamer.inputs.shoutcast_client import spoken_format
from distreamer.model.audio import AudioFormat, Codec

_OGG = frozenset({"application/ogg", "application/x-ogg", "audio/ogg", "video/ogg"})
_TYPES = {
    Codec.MPEG: frozenset({"audio/mpeg", "audio/mp3", "audio/x-mpeg"}),
    Codec.AAC: frozenset({"audio/aac", "audio/aacp", "audio/x-aac"}),
    Codec.VORBIS: _OGG | {"audio/vorbis"},
    Codec.OPUS: _OGG | {"audio/opus"},
    Codec.FLAC: _OGG | {"audio/flac"},
    Codec.OGG: _OGG,
}
"""What servers say of each codec, and players understand."""
_CHANNELS = {1: "mono", 2: "stereo"}


def spoken_audio(audio: AudioFormat) -> str:
    """``128 kbit/s MP3, 44100 Hz, stereo``."""
    words = [spoken_format(audio)]
    if audio.sample_rate:
        words.append(f"{audio.sample_rate} Hz")
    if audio.channels:
        words.append(_CHANNELS.get(audio.channels, f"{audio.channels} channels"))
    return ", ".join(words)


def type_fault(content_type: str, audio: AudioFormat) -> str:
    """What is wrong with the type that the server says; empty when it is right, or nobody can tell."""
    known = _TYPES.get(audio.codec)
    said = content_type.partition(";")[0].strip().lower()
    if known is None or said in known:
        return ""
    return f"the server says it is {said or 'nothing'}, and it is {spoken_audio(audio)}"
