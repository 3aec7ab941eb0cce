"""A source that repeats its last seconds to whoever connects, and what an ingest makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count

from distreamer.core.ingest import Ingest, SourceDescription
from distreamer.core.store import Store, StoreLimits
from distreamer.model.audio import Station
from tests.support.input_context import stored_audio
from tests.support.made_audio import MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, mp3_frame

SERVER = SourceDescription("audio/mpeg", 128_000, Station("Radio"), repeats_seconds=math.inf, has_burst=True)
FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100


class Reception:
    """An ingest whose source sends the frames of ``programme``, in real time or as a burst."""

    def __init__(self, programme: Sequence[int], source: SourceDescription = SERVER) -> None:
        self.store = Store(StoreLimits(seconds=3600))
        epochs = count(1)
        self.ingest = Ingest(self.store, lambda: next(epochs))
        self._programme = [mp3_frame(number) for number in programme]
        self._source = source
        self.now = 1000.0

    def connect(self, begin: int, burst: int, live: int, *, cut: int = 0, behind: int = 0) -> None:
        """A connection at whose beginning ``begin`` is the newest frame that the server has: it brings ``burst``
        frames before that at once, after the end of the one before them, then ``live`` frames in real time, and
        ``cut`` bytes of the next. A server that is ``behind`` has everything so many frames later."""
        self.ingest.connected(self._source, self.now)
        begin -= behind
        start = max(begin - burst, 0)
        before = self._programme[start - 1][-100:] if start else b""
        self.ingest.audio(before + b"".join(self._programme[start:begin]), self.now)
        for frame in self._programme[begin : begin + live]:
            self.now += FRAME_SECONDS
            self.ingest.audio(frame, self.now)
        self.ingest.audio(self._programme[begin + live][:cut], self.now)
        self.ingest.disconnected(self.now)

    def wait(self, frames: int) -> None:
        self.now += frames * FRAME_SECONDS

    @property
    def numbers(self) -> list[int]:
        """Of the frames in the store."""
        audio = stored_audio(self.store)
        return [int.from_bytes(audio[at + 4 : at + 12], "big") for at in range(0, len(audio), MP3_FRAME_BYTES)]

    @property
    def gaps(self) -> int:
        return sum(one.discontinuity for one in self.store)


def brought(reception: Reception, audio: bytes) -> None:
    """A connection that brings ``audio`` at once."""
    reception.ingest.connected(SERVER, reception.now)
    reception.ingest.audio(audio, reception.now)
    reception.ingest.disconnected(reception.now)
