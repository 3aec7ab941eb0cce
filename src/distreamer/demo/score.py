"""The demo's pieces as notes: who plays what, when and how loudly. Sound is made of it in ``synthesiser``.

All of it follows from each piece's description, so it is the same on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

BEATS_PER_BAR = 4
STATION_NAME = "DiStreamer demo"


class Voice(Enum):
    """An instrument."""

    PAD = auto()
    PLUCK = auto()
    BASS = auto()
    BELL = auto()
    KICK = auto()
    SHAKER = auto()
    BRUSH = auto()


@dataclass(frozen=True, slots=True)
class Note:
    """One sound."""

    voice: Voice
    beat: float
    """When it begins, in beats from the beginning of the piece."""
    beats: float
    """How long it is held."""
    pitch: int
    """MIDI note number; of no meaning for percussion."""
    loudness: float
    """0 to 1."""
    place: float = 0.0
    """From -1 (left) to 1 (right)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece is made from."""

    name: str
    key: int
    """MIDI number of the key note, near 57."""
    scale: tuple[int, ...]
    """The seven steps in semitones above the key note."""
    chords: tuple[int, ...]
    """The chords of the refrain, one for each bar, as scale degrees from 0."""
    verse_chords: tuple[int, ...]
    beats_per_minute: float
    arpeggio: tuple[int, ...]
    """Which chord tones the plucked strings play, on each half beat; -1 is a rest."""
    seed: int
    """For the melody and small differences in loudness."""
    form: str = "ivrvr"
    """Sections: introduction, verse, refrain; each as long as its chords. The last bar of all is added."""
    percussion: bool = True

    @property
    def title(self) -> str:
        """As listeners see it."""
        return f"{STATION_NAME} – {self.name}"

    @property
    def seconds(self) -> float:
        """Its length without the reverberation behind it."""
        return self.bars * BEATS_PER_BAR * 60.0 / self.beats_per_minute

    @property
    def bars(self) -> int:
        return sum(len(self.section_chords(section)) for section in self.form) + 1

    def section_chords(self, section: str) -> tuple[int, ...]:
        """The chords of a section of ``form``."""
        return self.chords if section == "r" else self.verse_chords

    def pitch(self, degree: int) -> int:
        """The MIDI number of a degree of the scale, which may be below 0 or above 6."""
        octave, step = divmod(degree, len(self.scale))
        return self.key + 12 * octave + self.scale[step]


MAJOR = (0, 2, 4, 5, 7, 9, 11)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
MINOR = (0, 2, 3, 5, 7, 8, 10)
MIXOLYDIAN = (0, 2, 4, 5, 7, 9, 10)

PIECES = (
    Piece("Morning on the ship", 57, MAJOR, (0, 4, 5, 3), (0, 2, 3, 3), 92, (0, 2, 1, 3, 2, 4, 3, 1), 11),
    Piece("Lamps along the shore", 55, DORIAN, (0, 3, 6, 3), (0, 0, 3, 3), 78, (0, -1, 2, 3, -1, 4, 3, 2), 23),
    Piece("Slow train north", 60, MAJOR, (3, 4, 2, 5), (1, 4, 0, 5), 104, (0, 1, 2, 1, 3, 1, 2, 1), 37),
    Piece("Rain on the aerial", 52, MINOR, (0, 5, 2, 6), (0, 3, 5, 4), 84, (3, 2, 1, 0, 4, 2, 1, 0), 41),
    Piece("Goodnight, transmitter", 53, MIXOLYDIAN, (0, 6, 3, 0), (0, 3, 0, 3), 70, (0, 2, 4, -1, 3, 2, -1, -1), 59,
          form="ivrr", percussion=False),
)  # fmt: skip


def notes(piece: Piece) -> Iterator[Note]:
    """All notes of ``piece``, section by section."""
    chance = random.Random(piece.seed)
    themes = {section: list(_melody(piece, section, chance)) for section in "vr"}
    bar = 0
    for section in piece.form:
        chords = piece.section_chords(section)
        for index, degree in enumerate(chords):
            beat = float((bar + index) * BEATS_PER_BAR)
            yield from _pad(piece, degree, beat, 0.8 if section == "i" else 1.0)
            yield from _pluck(piece, degree, beat, chance, soft=section == "i")
            if section != "i":
                yield from _bass(piece, degree, beat)
                if piece.percussion:
                    yield from _percussion(beat, chance, full=section == "r")
        start = float(bar * BEATS_PER_BAR)
        for note in themes.get(section, []):
            yield Note(note.voice, start + note.beat, note.beats, note.pitch, note.loudness, note.place)
        bar += len(chords)
    yield from _pad(piece, 0, float(bar * BEATS_PER_BAR), 1.0)
    yield Note(Voice.BASS, float(bar * BEATS_PER_BAR), 3.5, piece.pitch(0) - 24, 0.7)
    yield Note(Voice.BELL, float(bar * BEATS_PER_BAR), 3.5, piece.pitch(7), 0.5, 0.2)


def _pad(piece: Piece, degree: int, beat: float, loudness: float) -> Iterator[Note]:
    """The chord with its seventh, held, in close position around the key note."""
    for index, step in enumerate((0, 2, 4, 6)):
        pitch = piece.pitch(degree + step)
        while pitch > piece.key + 11:
            pitch -= 12
        seventh = 0.45 if step == 6 else 1.0
        yield Note(Voice.PAD, beat, BEATS_PER_BAR, pitch, loudness * seventh, (-0.6, 0.5, -0.2, 0.7)[index])


def _pluck(piece: Piece, degree: int, beat: float, chance: random.Random, *, soft: bool) -> Iterator[Note]:
    tones = [piece.pitch(degree + step) for step in (0, 2, 4, 7, 9)]
    for index, tone in enumerate(piece.arpeggio):
        if tone < 0:
            continue
        accent = 1.0 if index % 4 == 0 else 0.75
        loudness = accent * (0.6 if soft else 0.8) * chance.uniform(0.85, 1.0)
        yield Note(Voice.PLUCK, beat + index * 0.5, 1.5, tones[tone], loudness, 0.5 if index % 2 else -0.4)


def _bass(piece: Piece, degree: int, beat: float) -> Iterator[Note]:
    root = piece.pitch(degree)
    while root > 45:
        root -= 12
    yield Note(Voice.BASS, beat, 2.3, root, 1.0)
    yield Note(Voice.BASS, beat + 2.5, 0.9, root, 0.7)
    yield Note(Voice.BASS, beat + 3.5, 0.5, root + 7, 0.5)


def _percussion(beat: float, chance: random.Random, *, full: bool) -> Iterator[Note]:
    for at in (0.0, 2.0, 2.75) if full else (0.0, 2.0):
        yield Note(Voice.KICK, beat + at, 1.0, 0, 0.9 if at == 0.0 else 0.7)
    for half in range(2 * BEATS_PER_BAR):
        off_beat = half % 2 == 1
        yield Note(Voice.SHAKER, beat + half * 0.5, 0.2, 0, (0.8 if off_beat else 0.45) * chance.uniform(0.8, 1), 0.3)
    if full:
        for at in (1.0, 3.0):
            yield Note(Voice.BRUSH, beat + at, 0.5, 0, 0.8, -0.15)


def _melody(piece: Piece, section: str, chance: random.Random) -> Iterator[Note]:
    """A theme for a section: steps and small leaps that fall on a chord tone at the beginning of each bar; the second
    half answers the first with the same rhythm."""
    chords = piece.section_chords(section)
    rhythms = ((0.0, 1.5, 2.0, 3.0), (0.0, 1.0, 2.5), (0.5, 1.5, 2.0, 3.5), (0.0, 2.0))
    chosen = [chance.choice(rhythms) for _ in range(max(len(chords) // 2, 1))]
    degree = 7
    for bar, chord in enumerate(chords):
        beats = chosen[bar % len(chosen)]
        for index, at in enumerate(beats):
            if index == 0:
                degree = _nearest(degree, [chord + step + octave for step in (0, 2, 4) for octave in (0, 7)])
            else:
                degree = min(max(degree + chance.choice((-2, -1, -1, 1, 1, 2)), 4), 12)
            held = (beats[index + 1] if index + 1 < len(beats) else BEATS_PER_BAR) - at
            loudness = (0.75 if section == "r" else 0.6) * chance.uniform(0.85, 1.0)
            yield Note(Voice.BELL, bar * BEATS_PER_BAR + at, held, piece.pitch(degree), loudness, 0.15)


def _nearest(degree: int, candidates: list[int]) -> int:
    return min(candidates, key=lambda candidate: (abs(candidate - degree), candidate))
