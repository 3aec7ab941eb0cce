"""Tries whether a connection that is lost can be gone on with by the next one. Pure; time is an argument.

It is tried with what ``ShoutcastClient`` gives its audio to, so it works there when it works here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count

from distreamer.core.ingest import Ingest, SourceDescription
from distreamer.core.store import Store, StoreLimits
from distreamer.measure.stream_report import Splice
from distreamer.units import spoken_seconds


class SpliceTrial:
    """Two connections, one after the other."""

    def __init__(self) -> None:
        epochs = count(1)
        self._ingest = Ingest(Store(StoreLimits(seconds=30.0)), lambda: next(epochs))
        self._cut_at: float | None = None
        self._away_seconds = 0.0

    def connected(self, source: SourceDescription, now: float) -> None:
        """The first connection, or after ``cut`` the second."""
        if self._cut_at is not None:
            self._away_seconds = max(now - self._cut_at, 0.0)
        self._ingest.connected(replace(source, repeats_seconds=math.inf), now)

    def audio(self, data: bytes, now: float) -> None:
        self._ingest.audio(data, now)

    def cut(self, now: float) -> None:
        """The first connection ends."""
        self._cut_at = now
        self._ingest.disconnected(now)

    def ended(self, now: float) -> None:
        """The second ends; what it brought must be enough."""
        self._ingest.disconnected(now)

    def splice(self) -> Splice | None:
        """None while it is not known."""
        seam = self._ingest.seam
        if seam is None or self._cut_at is None:
            return None
        if not seam.goes_on:
            return Splice(
                works=False,
                bridges_seconds=0.0,
                sentence="does not work: a second connection brings nothing that the first one had, so each "
                "interruption leaves a gap; give the server a burst",
            )
        bridges = seam.repeated_seconds + self._away_seconds
        sentence = f"works: an interruption of up to {spoken_seconds(math.floor(bridges * 10) / 10)} loses nothing"
        if not seam.is_proved:
            sentence = (
                "the stream is silent, so its frames prove nothing; by the clock, an interruption of up to "
                f"{spoken_seconds(bridges)} loses nothing"
            )
        return Splice(works=True, bridges_seconds=bridges, sentence=sentence)
