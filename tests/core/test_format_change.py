"""Who can stay when the format changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distreamer.core.format_change import OnFormatChange
from distreamer.model.audio import AudioFormat, Codec
from tests.support.made_audio import AAC, MP3

HE_AAC = replace(AAC, profile="HE-AAC")
VORBIS = AudioFormat(Codec.VORBIS, 44100, 44100, 2, content_type="application/ogg")
OPUS = AudioFormat(Codec.OPUS, 48000, 44100, 2, content_type="application/ogg")
OPAQUE = AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0, content_type="audio/x-one")


@pytest.mark.parametrize(
    ("before", "after", "keep", "close"),
    [
        (MP3, MP3, True, True),
        (MP3, replace(MP3, bitrate=320_000), True, True),
        (MP3, replace(MP3, clock_rate=48000, sample_rate=48000), True, False),
        (MP3, replace(MP3, channels=1), True, False),
        (MP3, replace(MP3, profile="MPEG-1 layer II"), True, False),
        (AAC, HE_AAC, True, False),
        (VORBIS, replace(VORBIS, clock_rate=48000, sample_rate=48000), True, False),
        # Opus is always decoded at 48 kHz, whatever its encoder was given.
        (OPUS, replace(OPUS, sample_rate=48000), True, True),
        (MP3, AAC, False, False),
        (VORBIS, OPUS, False, False),
        (OPAQUE, replace(OPAQUE, content_type="audio/x-other"), False, False),
    ],
)
def test_what_each_rule_keeps(before: AudioFormat, after: AudioFormat, keep: bool, close: bool) -> None:
    for one, other in ((before, after), (after, before)):
        assert OnFormatChange.KEEP.keeps(one, other) is keep
        assert OnFormatChange.CLOSE.keeps(one, other) is close
