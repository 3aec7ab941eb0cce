"""How late audio comes to a player. Pure; times are arguments.

A server that sends in real time gives each byte of audio a moment: as much later than the first as the audio between
them lasts. How far the schedule of a listener lies behind the source does not matter; it is taken from the arrival
that was earliest by this measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

HELD_SECONDS = 2.0
"""What a player has in hand when all comes in time: it stalls when audio comes later than this."""


@dataclass(frozen=True)
class Judgement:
    """What a player went through."""

    stalls: int = 0
    stalled_seconds: float = 0.0
    lateness: list[float] = field(default_factory=list)
    """Seconds, of each arrival."""


def judge(
    arrivals: Sequence[tuple[float, float]],
    begin: float,
    end: float,
    received_seconds: float,
    held: float = HELD_SECONDS,
) -> Judgement:
    """``arrivals`` between ``begin`` and ``end``: when, and how many seconds of audio the listener had got before.
    ``received_seconds`` is what it has got at the end. After a stall the player goes on, so much later.
    """
    if not arrivals:
        return Judgement(stalls=1, stalled_seconds=end - begin)
    lags = [at - before for at, before in arrivals]
    best = min(lags)
    stalls, stalled, latest = 0, 0.0, best + held
    for lag in (*lags, end - received_seconds):
        if lag > latest:
            stalls += 1
            stalled += lag - latest
            latest = lag
    return Judgement(stalls, stalled, [lag - best for lag in lags])
