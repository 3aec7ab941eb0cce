"""Audio files of one tone, and how much of it is in what is heard."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

TONE_HERTZ = 1000.0
LEVEL = 0.25
"""Of the tone's peaks, full scale being 1."""
BLOCK_SECONDS = 0.1


def write_tone(path: Path, seconds: float, *, sample_rate: int = 44100, channels: int = 2) -> Path:
    """A WAV file of the tone."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    tone = np.round(LEVEL * 32767 * np.sin(2 * np.pi * TONE_HERTZ * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.repeat(tone, channels).tobytes())
    return path


def tone_levels(samples: npt.NDArray[np.int32], sample_rate: int, channel: int = 0) -> npt.NDArray[np.float64]:
    """The peak level of the tone in each BLOCK_SECONDS of ``samples`` (frames × channels, full scale 2^31)."""
    size = round(BLOCK_SECONDS * sample_rate)
    whole = samples[: len(samples) // size * size, channel].reshape(-1, size) / (1 << 31)
    window = np.hanning(size) * np.exp(-2j * np.pi * TONE_HERTZ / sample_rate * np.arange(size))
    return np.asarray(2 * np.abs(whole @ window) / np.hanning(size).sum())
