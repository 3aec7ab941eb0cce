"""What listeners get when there is nothing to play: a clip or silence in the stream's own format, so that no player is
ever left without audio, and none must begin anew when the programme is back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import repeat

from distreamer.core.fragmenter import Fragmenter
from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.clip import Clip, endless
from distreamer.media.silence import silence_maker
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import Fragment

FIRST_SERIAL = 0x46494C00
"""Of the first run of filler in Ogg; each further one is another logical stream."""
MOST_PIECES = 1_000
"""From which a fragment must have come: far more than two seconds of any format."""


class Filler:
    """Makes fragments of about a second, for as long as they are wanted."""

    def __init__(self, title: Title | None = None) -> None:
        """``title`` is what listeners see meanwhile; None: what they saw before."""
        self.title = title
        self.clip: Clip | None = None
        """What is played instead of silence behind a programme that it follows; it may come at any time."""
        self._runs = 0
        self._follows: tuple[Fragment, StreamInfo] | None = None
        self._playing: Clip | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._framer = AutoFramer()
        self._fragmenter = Fragmenter(0, 1)
        self._ready: deque[Fragment] = deque()

    @property
    def plays_clip(self) -> bool:
        """Whether the run that was begun last is the clip, and not silence."""
        return self._playing is not None

    def begin(self, last: Fragment, info: StreamInfo) -> bool:
        """From now on it follows ``last``, of an epoch that carries ``info``; False when there is nothing to play in
        that format. A clip begins at its beginning."""
        self._runs += 1
        self._playing = self._fitting_clip(last, info)
        serial = FIRST_SERIAL + self._runs
        try:
            self._pieces = endless(self._playing, serial) if self._playing else _endless_silence(info, last, serial)
        except AudioError:
            self._follows = None
            return False
        self._follows = last, info
        self._framer = AutoFramer(info.format.content_type, info.format.bitrate)
        self._fragmenter = Fragmenter(last.epoch, info.format.clock_rate)
        self._ready.clear()
        return True

    def next(self, captured_at: float) -> Fragment:
        """The next fragment of the run that was begun; ``captured_at`` is what it says of its age (Unix time)."""
        assert self._follows is not None, "no run of filler was begun"
        if self._playing is None and self._fitting_clip(*self._follows):
            self.begin(*self._follows)  # It was made while silence was played.
        for _ in range(MOST_PIECES):
            if self._ready:
                return self._ready.popleft()
            for frame in self._framer.feed(next(self._pieces)):
                self._ready.extend(self._fragmenter.add(frame, captured_at, self.title))
        raise AssertionError("the framers do not recognise filler that is made for them")

    def _fitting_clip(self, last: Fragment, info: StreamInfo) -> Clip | None:
        return self.clip if self.clip and self.clip.follows(info.format, last.setup) else None


def _endless_silence(info: StreamInfo, last: Fragment, serial: int) -> Iterator[bytes]:
    """As many bytes as ``last`` takes, where the format can. Raises AudioError at once when there is none in it."""
    wanted = info.format
    if not wanted.bitrate:
        # Some players buffer by bytes: they would stand still for as long as silence takes hardly any.
        wanted = replace(wanted, bitrate=8 * len(last.audio) * wanted.clock_rate // last.duration)
    maker = silence_maker(wanted, last.setup, serial)
    return (maker.next() for _ in repeat(None))


class OnReturn(StrEnum):
    """What is done with what was missed while filler was played."""

    LIVE = "live"
    """It is skipped as far as it is older than the delay."""
    CONTINUE = "continue"
    """It is played, and listeners are later from then on, up to a limit."""


@dataclass(frozen=True, slots=True)
class FillerRules:
    """How it goes on when nothing is held any more."""

    filler: Filler
    on_return: OnReturn = OnReturn.LIVE
    most_delay_seconds: float = 120.0
    """The limit of ``OnReturn.CONTINUE``."""
