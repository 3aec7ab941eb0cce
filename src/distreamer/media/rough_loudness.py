"""How loud audio is, as far as that can be told without a decoder.

MPEG layer III tells its loudness within some decibels, rather too much than too little; AAC, Vorbis, Opus and FLAC only
whether they are digital silence; everything else nothing.
"""

from __future__ import annotations

from distreamer.media.pieces import whole_pieces
from distreamer.media.rough_aac import rough_aac
from distreamer.media.rough_mpeg import rough_layer_iii
from distreamer.media.rough_ogg import rough_ogg
from distreamer.model.audio import AudioFormat, Codec
from distreamer.model.loudness import Loudness

ENOUGH_FRAMES = 10
"""Of a second: one in a tenth of it."""


def rough_loudness(audio: bytes, setup: bytes, form: AudioFormat) -> Loudness | None:
    """Of a run of whole frames, in Ogg with the header pages ``setup`` before them; None when nothing can be told."""
    if form.codec.is_ogg:
        return rough_ogg(audio, setup, form)
    frames = whole_pieces(audio, form.codec)
    some = frames[:: max(len(frames) // ENOUGH_FRAMES, 1)]
    if form.codec is Codec.AAC:
        return rough_aac(some)
    return rough_layer_iii(some)
