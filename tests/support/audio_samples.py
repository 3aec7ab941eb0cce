"""Test audio, encoded with PyAV: a tone over soft noise, the same bytes for the same arguments."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

CONTAINERS = {
    "libmp3lame": "mp3",
    "mp2": "mp2",
    "aac": "adts",
    **dict.fromkeys(("vorbis", "libvorbis", "libopus", "flac"), "ogg"),
}
"""The container of each encoder when none is named."""

SAMPLE_FORMATS = {
    "libmp3lame": "s16p",
    "libopus": "s16",
    **dict.fromkeys(("mp2", "flac"), "s16"),
    **dict.fromkeys(("aac", "vorbis", "libvorbis"), "fltp"),
}

_BLOCK = 1024


@dataclass(frozen=True)
class DemuxedPacket:
    """A packet as libavformat sees it."""

    position: int
    data: bytes
    seconds: float


def tone(seconds: float, sample_rate: int, channels: int) -> npt.NDArray[np.int16]:
    """Samples of shape (channels, frames): a tone a channel, with noise so that frames differ."""
    count = round(seconds * sample_rate)
    times = np.arange(count) / sample_rate
    noise = np.random.default_rng(1).normal(0, 600, (channels, count))
    tones = [9000 * np.sin(2 * np.pi * (440 + 110 * channel) * times) for channel in range(channels)]
    return (np.array(tones) + noise).astype(np.int16)


@cache
def encoded(
    codec: str,
    *,
    seconds: float = 1.0,
    sample_rate: int = 44100,
    channels: int = 2,
    bitrate: int = 128_000,
    container: str | None = None,
    options: tuple[tuple[str, str], ...] = (),
    container_options: tuple[tuple[str, str], ...] = (),
    metadata: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A clip made by libavcodec's encoder ``codec`` in ``container`` (by default the codec's usual one).

    ``bitrate`` is in bits per second; 0 leaves it to ``options``. An MP3 has neither tag nor Xing frame unless
    ``container_options`` ask for them.
    """
    container = container or CONTAINERS[codec]
    settings = dict(container_options)
    if container == "mp3":
        settings = {"write_xing": "0", "id3v2_version": "0", **settings}
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[channels]
    target = io.BytesIO()
    with av.open(target, "w", format=container, options=settings) as output:
        output.metadata.update(metadata)
        encoder_options = dict(options)
        if codec == "vorbis":
            encoder_options["strict"] = "experimental"
        stream = output.add_stream(codec, rate=sample_rate, options=encoder_options)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = layout
        stream.codec_context.format = SAMPLE_FORMATS[codec]
        if bitrate:
            stream.bit_rate = bitrate
        samples = tone(seconds, sample_rate, channels)
        resampler = av.AudioResampler(SAMPLE_FORMATS[codec], layout, sample_rate)
        for at in range(0, samples.shape[1], _BLOCK):
            block = np.ascontiguousarray(samples[:, at : at + _BLOCK].T.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            frame.sample_rate = sample_rate
            frame.pts = at
            for converted in resampler.resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return target.getvalue()


def demuxed(data: bytes, container: str) -> list[DemuxedPacket]:
    """The packets that libavformat finds in ``data``."""
    with av.open(io.BytesIO(data), "r", format=container) as source:
        return [
            DemuxedPacket(
                packet.pos if packet.pos is not None else -1,
                bytes(packet),
                float((packet.duration or 0) * (packet.time_base or 0)),
            )
            for packet in source.demux(audio=0)
            if packet.size
        ]
