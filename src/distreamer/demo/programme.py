"""The demo's programme: songs as MP3 frames, made while the first of them already plays, and repeated for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from distreamer.demo.score import PIECES, Piece
from distreamer.errors import AudioError, ResourceError
from distreamer.media.mpeg import MpegFramer
from distreamer.model.audio import AudioFormat, Title

Maker = Callable[[Piece], Iterator[bytes]]
"""Gives the MP3 frames of a piece, in order."""


@dataclass(slots=True)
class Programme:
    """All frames made so far. Frames are only appended, by one thread; any thread may read.

    Position n is the n-th frame since the programme's beginning, counted through all repetitions.
    """

    format: AudioFormat
    frame_ticks: int
    """Duration of each frame in ticks of ``format.clock_rate``."""
    frames: list[bytes] = field(default_factory=list)
    songs: list[tuple[int, Title]] = field(default_factory=list)
    """The position at which each song begins, and its title."""
    complete: bool = False
    """Whether ``frames`` is the whole programme."""

    @property
    def frame_seconds(self) -> float:
        return self.frame_ticks / self.format.clock_rate

    @property
    def seconds(self) -> float:
        """Length of what was made so far."""
        return len(self.frames) * self.frame_seconds

    def has(self, position: int) -> bool:
        """Whether that frame was made already."""
        return position < len(self.frames) or (self.complete and bool(self.frames))

    def frame(self, position: int) -> bytes:
        """The frame at ``position``, which must have been made."""
        return self.frames[position % len(self.frames)] if self.complete else self.frames[position]

    def title(self, position: int) -> Title:
        """The title of the song that plays at ``position``."""
        index = position % len(self.frames) if self.complete else position
        found = self.songs[0][1]
        for start, title in self.songs:
            if start > index:
                break
            found = title
        return found


def programme_of(songs: Sequence[tuple[str, Sequence[bytes]]]) -> Programme:
    """A complete programme of ready songs: titles with their MP3 frames, all of one format."""
    programme = _begun_with(songs[0][1][0])
    for title, frames in songs:
        programme.songs.append((len(programme.frames), Title(title)))
        programme.frames.extend(frames)
    programme.complete = True
    return programme


async def make_programme(
    first_seconds: float, pieces: Sequence[Piece] = PIECES, maker: Maker | None = None
) -> Programme:
    """Makes the programme in a thread of its own; returns as soon as ``first_seconds`` of it are there (or all of it,
    when it is shorter), while the rest is still being made.

    Raises ResourceError when what makes sound is not installed.
    """
    work = _Work(pieces, maker or _synthesiser(), first_seconds)
    # A daemon thread: it holds nothing that must be put in order when the demo ends before the last song is made.
    threading.Thread(target=work.run, name="demo programme", daemon=True).start()
    return await asyncio.wrap_future(work.begun)


class _Work:
    """The making of a programme, in its thread."""

    def __init__(self, pieces: Sequence[Piece], maker: Maker, first_seconds: float) -> None:
        self.begun: Future[Programme] = Future()
        """The programme, once enough of it is there."""
        self._pieces = pieces
        self._maker = maker
        self._first_seconds = first_seconds

    def run(self) -> None:
        """Makes song after song."""
        try:
            for programme in self._steps():
                if not self.begun.done() and (programme.complete or programme.seconds >= self._first_seconds):
                    self.begun.set_result(programme)
        except Exception as error:  # Whatever it is, it belongs to whoever waits for the programme.
            if self.begun.done():
                raise
            self.begun.set_exception(error)

    def _steps(self) -> Iterator[Programme]:
        """The same growing programme after each frame."""
        programme: Programme | None = None
        for piece in self._pieces:
            for index, frame in enumerate(self._maker(piece)):
                programme = programme or _begun_with(frame)
                if index == 0:
                    programme.songs.append((len(programme.frames), Title(piece.title)))
                programme.frames.append(frame)
                yield programme
        if programme is None:
            raise AudioError("the demo's programme has no sound: none of its pieces gave a frame")
        programme.complete = True
        yield programme


def _begun_with(frame: bytes) -> Programme:
    header = MpegFramer.header(frame, 0)
    if header is None:
        raise AudioError(f"the demo's programme must consist of MP3 frames; one begins with {frame[:4].hex()}")
    return Programme(MpegFramer.audio_format(header), header.duration)


def _synthesiser() -> Maker:
    try:
        from distreamer.demo import synthesiser  # late: numpy and PyAV are an extra
    except ImportError as error:
        missing = error.name or "a package"
        raise ResourceError(
            f"{missing} is not installed, and the demo makes its programme with it: "
            'begin it with "make demo", which installs it, or give it a stream with --source URL'
        ) from error
    return lambda piece: synthesiser.encode(synthesiser.render(piece))
