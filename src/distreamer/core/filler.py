"""What listeners get when there is nothing to play: silence in the stream's own format, so that no player is ever left
without audio, and none must begin anew when the programme is back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from distreamer.core.fragmenter import Fragmenter
from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.silence import SilenceMaker, silence_maker
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
        self._runs = 0
        self._maker: SilenceMaker | None = None
        self._framer = AutoFramer()
        self._fragmenter = Fragmenter(0, 1)
        self._ready: deque[Fragment] = deque()

    def begin(self, last: Fragment, info: StreamInfo) -> bool:
        """From now on it follows ``last``, of an epoch that carries ``info``; False when there is no silence in that
        format."""
        self._runs += 1
        wanted = info.format
        if not wanted.bitrate:
            # Some players buffer by bytes: they would stand still for as long as silence takes hardly any.
            wanted = replace(wanted, bitrate=8 * len(last.audio) * wanted.clock_rate // last.duration)
        try:
            self._maker = silence_maker(wanted, last.setup, FIRST_SERIAL + self._runs)
        except AudioError:
            self._maker = None
            return False
        self._framer = AutoFramer(info.format.content_type, info.format.bitrate)
        self._fragmenter = Fragmenter(last.epoch, info.format.clock_rate)
        self._ready.clear()
        return True

    def next(self, captured_at: float) -> Fragment:
        """The next fragment of the run that was begun; ``captured_at`` is what it says of its age (Unix time)."""
        assert self._maker is not None, "no run of filler was begun"
        for _ in range(MOST_PIECES):
            if self._ready:
                return self._ready.popleft()
            for frame in self._framer.feed(self._maker.next()):
                self._ready.extend(self._fragmenter.add(frame, captured_at, self.title))
        raise AssertionError("the framers do not recognise silence that is made for them")


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
