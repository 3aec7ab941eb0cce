"""What a decoder says of a recording."""

from __future__ import annotations

import io

import av
from av.error import FFmpegError


def decoding_faults(audio: bytes, container: str) -> tuple[int, float]:
    """How many packets libavcodec refuses, and the seconds that it makes of the others."""
    faults, seconds = 0, 0.0
    with av.open(io.BytesIO(audio), mode="r", format=container) as opened:
        for packet in opened.demux(audio=0):
            try:
                for frame in packet.decode():
                    seconds += frame.samples / frame.sample_rate
            except FFmpegError:
                faults += 1
    return faults, seconds


def assert_decodes(audio: bytes, container: str, *, joins: int = 0) -> None:
    """No packet is refused. At a join of MP3 the first frames may refer to bits that stand in frames that are not
    there (the bit reservoir): ``joins`` says how many packets may be refused for that."""
    faults, seconds = decoding_faults(audio, container)
    assert seconds > 5
    assert faults <= joins, f"{faults} packets were refused"
