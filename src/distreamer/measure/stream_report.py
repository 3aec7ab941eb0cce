"""What ``probe`` says of a stream: figures, and the same in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from distreamer.measure.pace import Drift
from distreamer.units import spoken_seconds

MOST_TITLES_SAID = 3
SLOW_SPEED, FAST_SPEED = 0.99, 1.01
"""As parts of real time; beyond them it is no question of clocks."""


@dataclass(frozen=True, slots=True)
class Splice:
    """What a second connection brought of what the first one had."""

    works: bool
    """Whether an interruption need not be heard."""
    bridges_seconds: float
    """How long one may last and lose nothing."""
    sentence: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """All that was found."""

    kind: ClassVar[str] = "stream"

    url: str
    """That was asked for."""
    steps: tuple[str, ...]
    """Further addresses that redirects and playlists led to; the audio is at the last."""
    server: str
    """As it says."""
    protocol: str
    """``HTTP/1.1``."""
    tls: str
    """Version and cipher; empty without TLS."""
    station: str
    content_type: str
    format: str
    """As the bytes say, in words; empty when no audio came."""
    type_fault: str
    """What is wrong with the content type; empty when nothing is."""
    declared_bits_per_second: int
    """0 when the server does not say it."""
    measured_bits_per_second: int
    varies: bool | None
    """Whether the bitrate does; None when too little came."""
    lowest_bits_per_second: int
    """Of five seconds."""
    highest_bits_per_second: int
    metaint_bytes: int
    """0 without titles."""
    titles: tuple[str, ...]
    """That were on air, in order."""
    answered_seconds: float
    """From the first packet to the head of the answer, redirects included."""
    seconds: float
    """For which it was listened to."""
    audio_seconds: float
    burst_seconds: float
    speed: float | None
    """Audio as a part of real time; None when too little came."""
    longest_pause_seconds: float
    drift: Drift | None
    """None when too little came."""
    damaged_bytes: int
    ended: str
    """Why it ended before its time; empty when it did not."""
    splice: Splice | None
    """None when nobody could try."""

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"stream     {self.url}"
        for step in self.steps:
            yield f"           leads to {step}"
        answered = f"answered after {spoken_seconds(self.answered_seconds)}"
        server, tls = self.server or "does not say what it is", self.tls or "no TLS"
        yield f"server     {server} ({self.protocol}, {tls}), {answered}"
        if self.station:
            yield f"station    {self.station}"
        if self.ended:
            yield f"ended      {self.ended}"
        if not self.format:
            yield f"format     no audio was recognised in {spoken_seconds(self.seconds)}"
            return
        yield f"format     {self.format}" + (f"; wrong: {self.type_fault}" if self.type_fault else "")
        yield f"bitrate    {self._bitrate()}"
        yield f"titles     {self._titles()}"
        yield f"burst      {spoken_seconds(self.burst_seconds)} at once"
        yield f"pace       {self._pace()}"
        yield f"clock      {self._clock()}"
        if self.damaged_bytes:
            yield f"damage     {self.damaged_bytes} bytes between frames are no audio"
        if self.splice is not None:
            yield f"splice     {self.splice.sentence}"

    def _bitrate(self) -> str:
        measured = f"{self.measured_bits_per_second / 1000:.1f} kbit/s measured"
        declared = (
            f"{self.declared_bits_per_second / 1000:.0f} declared" if self.declared_bits_per_second else "none declared"
        )
        if self.varies:
            low, high = self.lowest_bits_per_second / 1000, self.highest_bits_per_second / 1000
            return f"{measured}, {declared}; varies (VBR), from {low:.0f} to {high:.0f} over 5 s"
        return f"{measured}, {declared}" + ("; constant (CBR)" if self.varies is False else "")

    def _titles(self) -> str:
        titles = [title for title in self.titles if title]
        if not titles:
            return f"announced every {self.metaint_bytes} bytes, but none came" if self.metaint_bytes else "none"
        said = ", ".join(f"“{title}”" for title in titles[-MOST_TITLES_SAID:])
        more = f" and {len(titles) - MOST_TITLES_SAID} before" if len(titles) > MOST_TITLES_SAID else ""
        where = f"every {self.metaint_bytes} bytes" if self.metaint_bytes else "in the container"
        return f"{where}: {said}{more}"

    def _pace(self) -> str:
        pause = f"longest pause {spoken_seconds(self.longest_pause_seconds)}"
        if self.speed is None:
            return f"too little came to say it; {pause}"
        if self.speed < SLOW_SPEED:
            return f"only {self.speed:.0%} of real time: listeners run dry; {pause}"
        if self.speed > FAST_SPEED:
            return f"{self.speed:.0%} of real time: this is no live stream, or it is still catching up; {pause}"
        return f"real time; {pause}"

    def _clock(self) -> str:
        if self.drift is None:
            return "too little came to compare it with ours"
        within = f"± {self.drift.uncertainty_ppm:.0f} ppm"
        if not self.drift.is_seen:
            return f"no difference from ours within {within}; a longer --seconds sees smaller ones"
        faster = "faster" if self.drift.ppm > 0 else "slower"
        return f"{abs(self.drift.ppm):.0f} ppm {faster} than ours ({within})"
