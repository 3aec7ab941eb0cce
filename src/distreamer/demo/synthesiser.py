"""Makes sound of notes, and MP3 frames of sound. Needs numpy and PyAV (the extra ``audio``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from distreamer.demo.score import Note, Piece, Voice, notes

SAMPLE_RATE = 44100
BITRATE = 128_000
TAIL_SECONDS = 1.6
"""For the last reverberation of a piece."""
LOUDNESS = 0.11
"""Root mean square of every piece, full scale being 1 (about -19 dBFS)."""
PEAK = 0.89
"""No sample is above it (-1 dBFS), which leaves room for what MP3 adds."""
HUM = 0.00025
"""A trace of noise (-72 dBFS): without it two frames of silence would be equal, and the listener that checks the
demo could not tell them apart."""

Sound = NDArray[np.float32]
"""Samples × 2 channels, or samples alone."""


def render(piece: Piece) -> Sound:
    """The whole piece in stereo at SAMPLE_RATE, between -PEAK and PEAK; shape (samples, 2)."""
    beat_seconds = 60.0 / piece.beats_per_minute
    length = int((piece.seconds + TAIL_SECONDS) * SAMPLE_RATE)
    chance = np.random.default_rng(piece.seed)
    dry = np.zeros((length, 2), np.float32)
    wet = np.zeros((length, 2), np.float32)
    known: dict[tuple[Voice, int, float], Sound] = {}
    for note in notes(piece):
        key = (note.voice, note.pitch, note.beats)
        if key not in known:
            known[key] = _VOICES[note.voice](note, note.beats * beat_seconds, chance)
        _mix(known[key], note, int(note.beat * beat_seconds * SAMPLE_RATE), dry, wet)
    _echo(wet, 0.75 * beat_seconds)
    sound = dry + _reverberation(wet, chance)
    return _mastered(sound, chance)


def encode(sound: Sound) -> Iterator[bytes]:
    """``sound`` of shape (samples, 2) as MP3 frames, each of which can be decoded by itself."""
    encoder = av.CodecContext.create("libmp3lame", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = SAMPLE_RATE
    encoder.layout = "stereo"
    encoder.format = "fltp"
    encoder.bit_rate = BITRATE
    encoder.time_base = Fraction(1, SAMPLE_RATE)
    # Without the bit reservoir a frame needs no other, so a listener may join at each.
    encoder.options = {"reservoir": "0"}
    encoder.open()
    size = encoder.frame_size
    for start in range(0, len(sound), size):
        planes = np.ascontiguousarray(sound[start : start + size].T)
        samples = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        samples.sample_rate = SAMPLE_RATE
        samples.pts = start
        yield from (bytes(packet) for packet in encoder.encode(samples))
    yield from (bytes(packet) for packet in encoder.encode(None))


# -- instruments: each gives one channel, at most 1 high


def _times(seconds: float) -> Sound:
    return (np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


def _frequency(pitch: int) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69) / 12.0))


def _ramps(times: Sound, held: float, attack: float, release: float) -> Sound:
    """Rises in ``attack`` seconds, falls from ``held`` on in ``release`` seconds."""
    rise = np.clip(times / attack, 0.0, 1.0)
    fall = np.clip((held + release - times) / release, 0.0, 1.0)
    return np.asarray(np.sin(rise * fall * (math.pi / 2)) ** 2, np.float32)


def _pad(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(seconds + 0.9)
    sound = np.zeros_like(times)
    for detune in (-0.0022, 0.0, 0.0025):
        base = _frequency(note.pitch) * (1 + detune)
        for harmonic in range(1, 7):
            phase = chance.uniform(0, 2 * math.pi)
            sound += np.sin(2 * math.pi * base * harmonic * times + phase) / harmonic**1.9
    swell = 0.85 + 0.15 * np.sin(2 * math.pi * 0.4 * times)
    return np.asarray(0.22 * sound * swell * _ramps(times, seconds, 0.35, 0.9), np.float32)


def _pluck(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(max(seconds, 1.2))
    base = _frequency(note.pitch)
    sound = np.zeros_like(times)
    for harmonic in range(1, 9):
        # A string's higher partials are a little sharp and fade sooner.
        partial = base * harmonic * math.sqrt(1 + 0.0004 * harmonic**2)
        sound += np.sin(2 * math.pi * partial * times) * np.exp(-times * (2.2 + 1.6 * harmonic)) / harmonic**1.2
    return np.asarray(0.5 * sound * _ramps(times, times[-1] - 0.05, 0.004, 0.05), np.float32)


def _bass(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(seconds + 0.12)
    phase = 2 * math.pi * _frequency(note.pitch) * times
    sound = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase)
    return np.asarray(0.6 * sound * np.exp(-times * 0.7) * _ramps(times, seconds, 0.012, 0.12), np.float32)


def _bell(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(seconds + 0.9)
    base = _frequency(note.pitch)
    vibrato = 0.0025 * np.sin(2 * math.pi * 4.8 * times) * np.clip(times - 0.25, 0, 0.6)
    phase = 2 * math.pi * base * (times + vibrato / 4.8)
    # Frequency modulation whose brightness fades: the sound of an electric piano.
    modulator = np.sin(2 * phase) * 0.9 * np.exp(-times * 5.0)
    sound = np.sin(phase + modulator) + 0.25 * np.sin(4 * phase) * np.exp(-times * 8.0)
    return np.asarray(0.55 * sound * np.exp(-times * 1.3) * _ramps(times, seconds, 0.006, 0.7), np.float32)


def _kick(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(0.32)
    phase = 2 * math.pi * (46 * times + (70 / 28) * (1 - np.exp(-28 * times)))
    return np.asarray(0.95 * np.sin(phase) * np.exp(-times * 11) * _ramps(times, 0.27, 0.002, 0.05), np.float32)


def _noise(seconds: float, low: float, high: float, chance: np.random.Generator) -> Sound:
    """Noise between two frequencies in hertz, softly cut."""
    count = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(chance.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    shape = 1 / (1 + (low / np.maximum(frequencies, 1.0)) ** 4) / (1 + (frequencies / high) ** 4)
    sound = np.fft.irfft(spectrum * shape, count)
    return np.asarray(sound / np.max(np.abs(sound)), np.float32)


def _shaker(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(0.11)
    return np.asarray(0.28 * _noise(0.11, 5000, 11000, chance)[: len(times)] * np.exp(-times * 45), np.float32)


def _brush(note: Note, seconds: float, chance: np.random.Generator) -> Sound:
    times = _times(0.3)
    envelope = np.exp(-times * 15) * _ramps(times, 0.25, 0.008, 0.05)
    return np.asarray(0.4 * _noise(0.3, 900, 5200, chance)[: len(times)] * envelope, np.float32)


_VOICES: dict[Voice, Callable[[Note, float, np.random.Generator], Sound]] = {
    Voice.PAD: _pad,
    Voice.PLUCK: _pluck,
    Voice.BASS: _bass,
    Voice.BELL: _bell,
    Voice.KICK: _kick,
    Voice.SHAKER: _shaker,
    Voice.BRUSH: _brush,
}
_LEVELS: dict[Voice, tuple[float, float]] = {
    Voice.PAD: (0.13, 0.05),
    Voice.PLUCK: (0.28, 0.12),
    Voice.BASS: (0.28, 0.01),
    Voice.BELL: (0.30, 0.15),
    Voice.KICK: (0.42, 0.01),
    Voice.SHAKER: (0.24, 0.03),
    Voice.BRUSH: (0.20, 0.06),
}
"""How loud each voice is by itself, and how much of it goes into echo and reverberation."""


# -- the room


def _mix(sound: Sound, note: Note, start: int, dry: Sound, wet: Sound) -> None:
    part = sound[: max(len(dry) - start, 0)]
    angle = (note.place + 1) * math.pi / 4
    sides = np.array([math.cos(angle), math.sin(angle)], np.float32) * (note.loudness * math.sqrt(2))
    direct, room = _LEVELS[note.voice]
    dry[start : start + len(part)] += part[:, None] * (sides * direct)
    wet[start : start + len(part)] += part[:, None] * (sides * room)


def _echo(wet: Sound, seconds: float) -> None:
    """Three repeats that change sides."""
    delay = int(seconds * SAMPLE_RATE)
    source = wet.copy()
    for repeat in range(1, 4):
        offset = repeat * delay
        part = source[: len(source) - offset]
        wet[offset : offset + len(part)] += part[:, ::-1] * 0.42**repeat if repeat % 2 else part * 0.42**repeat


def _reverberation(wet: Sound, chance: np.random.Generator) -> Sound:
    """A hall of 2 s whose high frequencies fade sooner."""
    times = _times(2.0)
    result = np.empty_like(wet)
    size = 1 << (len(wet) + len(times) - 1).bit_length()
    for channel in range(2):
        bright = _noise(2.0, 200, 7000, chance) * np.exp(-times * 6.5)
        dark = _noise(2.0, 150, 1800, chance) * np.exp(-times * 2.8)
        hall = (bright + dark) * np.clip(times / 0.015, 0, 1)
        hall /= math.sqrt(float(np.sum(hall**2)))
        spectrum = np.fft.rfft(wet[:, channel], size) * np.fft.rfft(hall, size)
        result[:, channel] = np.fft.irfft(spectrum, size)[: len(wet)]
    return result


def _mastered(sound: Sound, chance: np.random.Generator) -> Sound:
    sound = sound * (LOUDNESS / math.sqrt(float(np.mean(sound**2))))
    # Loud moments are bent softly instead of clipped.
    sound = PEAK * np.tanh(sound / PEAK)
    samples = np.arange(len(sound))
    fade = np.minimum(samples / (0.02 * SAMPLE_RATE), 1.0) * np.minimum(samples[::-1] / (0.9 * SAMPLE_RATE), 1.0)
    mixed = sound * fade[:, None] + chance.standard_normal(sound.shape) * HUM
    return np.asarray(np.clip(mixed, -PEAK, PEAK), np.float32)
