"""What ``probe`` says of the link to another DiStreamer: figures, and the same in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from distreamer.measure.delay_advice import Advice
from distreamer.measure.link_notes import CarrierFigures
from distreamer.units import spoken_seconds

MILLISECONDS = 1000
MOST_TIMES = 50
"""Beyond it the number says nothing."""


@dataclass(frozen=True, slots=True)
class CarrierReport:
    """A way to the other side."""

    name: str
    """For people."""
    is_tried: bool
    fault: str
    """Why it cannot be had; empty when it can."""
    figures: CarrierFigures | None
    """None when it cannot be had."""

    @property
    def works(self) -> bool:
        return self.figures is not None

    @property
    def worst_seconds(self) -> float:
        """The longest that the programme was held up, as far as it was seen here."""
        figures = self.figures
        return max(figures.longest_silence_seconds, figures.latest_fragment_seconds) if figures else 0.0

    def lines(self) -> Iterator[str]:
        """For people."""
        if not self.is_tried:
            yield f"{self.name:<11}not tried: {self.fault}"
            return
        if self.figures is None:
            yield f"{self.name:<11}does not get through: {self.fault}"
            return
        trips = self.figures.round_trips
        if trips is None:
            yield f"{self.name:<11}works, but no answer came in time"
        else:
            yield (
                f"{self.name:<11}works; round trip {trips.shortest * MILLISECONDS:.0f} ms at best, "
                f"{trips.median * MILLISECONDS:.0f} mostly, {trips.longest_of_most * MILLISECONDS:.0f} at worst "
                "(99 of 100)"
            )
        loss, breaks = self.figures.loss, self.figures.breaks
        lost = "" if loss is None else f"; {loss:.1%} of {self.figures.packets} packets lost on the way here"
        broken = "" if not breaks else "; broke once" if breaks == 1 else f"; broke {breaks} times"
        yield f"           longest silence {spoken_seconds(self.figures.longest_silence_seconds)}{lost}{broken}"


@dataclass(frozen=True, slots=True)
class LinkReport:
    """All that was found."""

    kind: ClassVar[str] = "link"

    name: str
    """Which link it is: ``pc-a:7080``, ``via wwan0 to pc-a:7080``."""
    agent: str
    """Program and version of the other side."""
    seconds: float
    """For which it was looked at."""
    format: str
    """Of the programme, in words; empty when none came."""
    headroom: float | None
    """How many times as fast as the programme needs it the link brought what was held there; None when too little was
    held."""
    is_over_quic: bool
    """Whether the programme came over QUIC; else over TCP."""
    quic: CarrierReport
    tcp: CarrierReport
    advice: Advice

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"link       {self.name}: {self.agent}, looked at for {spoken_seconds(self.seconds)}"
        yield from self.quic.lines()
        yield from self.tcp.lines()
        if self.quic.is_tried and not self.quic.works:
            yield "           let UDP through to that port if you can: QUIC bears lost packets best"
        if self.format:
            over, used = ("QUIC", self.quic) if self.is_over_quic else ("TCP", self.tcp)
            late = used.figures.latest_fragment_seconds if used.figures else 0.0
            yield f"programme  {self.format}, over {over}; the latest piece came {spoken_seconds(late)} late"
            if self.headroom is not None:
                times = f"{self.headroom:.1f}" if self.headroom < MOST_TIMES else f"more than {MOST_TIMES}"
                yield f"headroom   what was held there came {times} times as fast as it plays"
        else:
            yield "programme  none is on air there now, so only the signs of life were timed"
        first, *more = self.advice.sentences
        yield f"DELAY      {first}"
        for sentence in more:
            yield f"           {sentence}"
