"""Formats of which silence is made, and pieces of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distreamer.media.auto import AutoFramer
from distreamer.media.silence import SilenceMaker, silence_maker
from distreamer.model.audio import AudioFormat, Codec, Frame
from tests.support.audio_samples import encoded
from tests.support.framing import framed

MPEG_RATES = {"1": (44100, 48000, 32000), "2": (22050, 24000, 16000), "2.5": (11025, 12000, 8000)}
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
AAC_CHANNELS = (1, 2, 3, 4, 5, 6, 8)
SERIAL = 0x5E11E4CE


@dataclass(frozen=True)
class Wanted:
    """A format, and the headers that its silence follows."""

    format: AudioFormat
    setup: bytes = b""

    def maker(self) -> SilenceMaker:
        """A fresh one."""
        return silence_maker(self.format, self.setup, SERIAL)

    def __str__(self) -> str:
        words = (self.format.codec, self.format.profile, self.format.sample_rate, self.format.channels)
        more = ("with headers" if self.setup else "", f"at {self.format.bitrate}" if self.format.bitrate else "")
        return " ".join(str(word) for word in (*words, *more) if word)

    def at(self, bitrate: int) -> Wanted:
        """The same at so many bits per second."""
        return replace(self, format=replace(self.format, bitrate=bitrate))


def mpeg(version: str, layer: str, sample_rate: int, channels: int, bitrate: int = 0) -> AudioFormat:
    """MPEG audio as the framer describes it."""
    return AudioFormat(Codec.MPEG, sample_rate, sample_rate, channels, f"MPEG-{version} layer {layer}", bitrate)


def aac(sample_rate: int, channels: int, profile: str = "LC") -> AudioFormat:
    """AAC as the framer describes it."""
    return AudioFormat(Codec.AAC, sample_rate, sample_rate, channels, f"AAC {profile}")


def opus(channels: int) -> AudioFormat:
    """Opus as the framer describes it."""
    return AudioFormat(Codec.OPUS, 48000, 48000, channels)


def flac(sample_rate: int, channels: int, bits: int) -> AudioFormat:
    """FLAC as the framer describes it."""
    return AudioFormat(Codec.FLAC, sample_rate, sample_rate, channels, f"{bits} bit")


def like(codec: str, sample_rate: int = 44100, channels: int = 2) -> Wanted:
    """Silence like the stream that an encoder of libavcodec makes."""
    frame = music(codec, sample_rate, channels)[0]
    return Wanted(frame.format, frame.setup)


def music(codec: str, sample_rate: int = 44100, channels: int = 2, bitrate: int = 128_000) -> list[Frame]:
    """Two seconds of it in our frames."""
    options = {"sample_rate": sample_rate, "channels": channels, "bitrate": bitrate}
    data = encoded(codec, seconds=2.0, metadata=(("title", "Old"),), **options)
    return framed(AutoFramer(), [data])


MPEG = [
    Wanted(mpeg(version, layer, rate, channels))
    for version, rates in MPEG_RATES.items()
    for layer in ("I", "II", "III")
    for rate in rates
    for channels in (1, 2)
]
AAC = [
    *(Wanted(aac(rate, 2)) for rate in AAC_RATES),
    *(Wanted(aac(44100, channels)) for channels in AAC_CHANNELS),
    *(Wanted(aac(44100, 2, profile)) for profile in ("Main", "LTP", "SSR")),
]
OGG = [
    *(like("vorbis"), like("vorbis", 22050)),
    *(Wanted(opus(1)), Wanted(opus(2)), like("libopus", 48000, 1), like("libopus", 48000, 6)),
    *(Wanted(flac(44100, 2, 16)), Wanted(flac(48000, 8, 24)), Wanted(flac(12345, 1, 12)), Wanted(flac(8000, 1, 8))),
    like("flac"),
]
FILLED_UP = [
    *(Wanted(aac(44100, 2)).at(bitrate) for bitrate in (*range(8_000, 16_000, 500), 64_000, 96_000, 128_000, 256_000)),
    *(Wanted(aac(44100, channels)).at(64_000 * channels) for channels in AAC_CHANNELS),
    *(Wanted(aac(rate, 2)).at(48_000) for rate in AAC_RATES),
    *(like("vorbis").at(bitrate) for bitrate in (64_000, 128_000, 320_000)),
    *(Wanted(opus(2)).at(bitrate) for bitrate in (6_000, *range(102_000, 106_000, 400), 96_000, 192_000, 320_000)),
    like("libopus", 48000, 6).at(256_000),
    *(Wanted(flac(44100, 2, 16)).at(bitrate) for bitrate in (100_000, 350_000, 700_000, 1_300_000)),
    *(Wanted(flac(*other)).at(2_000_000) for other in ((96000, 2, 24), (44100, 6, 16))),
]
"""With a bitrate that silence does not need."""
ALL = MPEG + AAC + OGG + FILLED_UP


def pieces_of(maker: SilenceMaker, count: int) -> bytes:
    """The next ``count`` pieces."""
    return b"".join(maker.next() for _ in range(count))
