"""Silence in a stream's own format, so that it can stand where audio is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from distreamer.errors import AudioError
from distreamer.media.silence_aac import aac_silence
from distreamer.media.silence_flac import flac_silence
from distreamer.media.silence_mpeg import mpeg_silence
from distreamer.media.silence_opus import opus_silence
from distreamer.media.silence_vorbis import vorbis_silence
from distreamer.model.audio import AudioFormat, Codec


class SilenceMaker(Protocol):
    """An endless stream of silence, made piece by piece."""

    format: AudioFormat
    """``joins`` the format that was asked for."""

    def next(self) -> bytes:
        """The next piece of the stream: an MPEG or ADTS frame, or an Ogg page; the first Ogg page stands behind the
        header pages of a new logical stream, which has no title."""
        ...

    @property
    def seconds(self) -> float:
        """How long each piece lasts; header pages last nothing."""
        ...


_MAKERS: dict[Codec, Callable[[AudioFormat, bytes, int], SilenceMaker]] = {
    Codec.MPEG: mpeg_silence,
    Codec.AAC: aac_silence,
    Codec.VORBIS: vorbis_silence,
    Codec.OPUS: opus_silence,
    Codec.FLAC: flac_silence,
}


def silence_maker(wanted: AudioFormat, setup: bytes = b"", serial: int = 1) -> SilenceMaker:
    """Silence that joins ``wanted``.

    ``setup`` are the Ogg header pages of the running stream (``Frame.setup``): Vorbis needs them, Opus and FLAC
    follow them. ``serial`` (32 bits) names the new logical stream in Ogg and must not be that of the streams beside
    it. Raises AudioError when silence of that format cannot be made.
    """
    maker = _MAKERS.get(wanted.codec)
    if maker is None:
        raise AudioError(
            "Silence cannot be made for a codec in Ogg that DiStreamer does not know"
            if wanted.codec is Codec.OGG
            else "Silence cannot be made for audio whose format DiStreamer does not know"
        )
    return maker(wanted, setup, serial)
