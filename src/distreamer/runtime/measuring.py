"""Measures how loud a piece of audio is, by decoding it. Needs PyAV (the extra ``audio``)."""

from __future__ import annotations

import io
from math import isfinite, log10
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from distreamer.errors import AudioError
from distreamer.model.loudness import FLOOR_DBFS, Loudness
from distreamer.runtime.transcoding import decoded

WARM_UP_SECONDS = 0.1
"""At the beginning of a piece, frames lean on what is not there."""
PLANES_THAT_CRASH = 8
"""PyAV looks for the end of so many behind the end."""
_SINE_TO_SQUARE = 2.0
"""A sine of full scale has half the power of a square wave, and 0 dBFS."""
_SOFTEST = 10 ** (FLOOR_DBFS / 10)

Samples = npt.NDArray[Any]


def measured(audio: bytes, container: str) -> Loudness:
    """Of whole frames in what libavformat calls ``container``, without the first moment where there is more. Channels
    beyond the second count for both sides. Raises AudioError when nothing of it can be decoded."""
    try:
        with av.open(io.BytesIO(audio), "r", format=container) as source:
            blocks, rate = _blocks(source)
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(f"a part of the stream cannot be decoded: {error}") from error
    if not blocks:
        raise AudioError("a part of the stream cannot be decoded")
    samples = np.concatenate(blocks, axis=1)
    warm_up = round(WARM_UP_SECONDS * rate)
    if samples.shape[1] > 2 * warm_up:
        samples = samples[:, warm_up:]
    powers = np.square(samples, dtype=np.float64).mean(axis=1)
    sides = np.maximum(powers[:2], powers[2:].max(initial=0.0))
    left, right = float(sides[0]), float(sides[-1])
    peak = float(np.abs(samples).max())
    if not isfinite(left + right + peak):
        raise AudioError("a part of the stream decodes to no numbers")
    return Loudness(_decibels(_SINE_TO_SQUARE * left), _decibels(_SINE_TO_SQUARE * right), _decibels(peak * peak))


def _blocks(source: av.container.InputContainer) -> tuple[list[Samples], int]:
    """The samples of each channel, full scale being 1; all of the last format. The sample rate in hertz beside it."""
    blocks: list[Samples] = []
    kind: tuple[str, int] | None = None
    rate = 0
    for frame in decoded(source):
        if kind != (frame.layout.name, frame.sample_rate):
            kind, blocks, rate = (frame.layout.name, frame.sample_rate), [], frame.sample_rate
        blocks.append(_samples(frame))
    return blocks, rate


def _samples(frame: av.AudioFrame) -> Samples:
    """Without av.AudioResampler, which loses 4 kB of memory in each second of audio (PyAV 17.0)."""
    channels = frame.layout.nb_channels
    if frame.format.is_planar and channels >= PLANES_THAT_CRASH:
        raise AudioError(f"audio of {channels} channels cannot be measured")
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype.kind == "f":
        return samples
    bits = 8 * samples.dtype.itemsize
    middle = 1 << bits - 1 if samples.dtype.kind == "u" else 0
    return (samples.astype(np.float64) - middle) / (1 << bits - 1)


def _decibels(power: float) -> float:
    return 10 * log10(max(power, _SOFTEST))
