"""Which DELAY a link needs, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from distreamer.units import spoken_seconds

MARGIN = 4
"""So many times the worst gap that was seen: what a minute shows is not the worst of a week."""
STEP_SECONDS = 5
LEAST_SECONDS = 10
"""Less is not worth the risk: a router that starts anew, or a phone that changes cells, takes some seconds."""
MOST_SECONDS = 120
LEAST_HEADROOM = 1.5
"""Times the bitrate: a link that brings less takes more than twice as long as an outage to make up for it."""
SHORT_LOOK_SECONDS = 600
GAP_SECONDS = 1.0
"""Between two signs of life 0.7 s may pass on the best of links."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do."""

    delay_seconds: int
    sentences: tuple[str, ...]
    """Without their full stops."""


def advise(
    worst_seconds: float, looked_seconds: float, headroom: float | None, configured_seconds: float | None = None
) -> Advice:
    """``worst_seconds``: the longest gap that was seen in ``looked_seconds``. ``headroom``: how many times as fast as
    the programme needs it the link is; None when that is not known. ``configured_seconds``: DELAY as it is."""
    needed = STEP_SECONDS * ceil(MARGIN * worst_seconds / STEP_SECONDS)
    delay = min(max(needed, LEAST_SECONDS), MOST_SECONDS)
    sentences = [_why(worst_seconds, looked_seconds, delay)]
    if needed > MOST_SECONDS:
        sentences.append("such a link needs a second path beside it (docs/two-links.md) rather than more DELAY")
    if configured_seconds is not None:
        sentences.append(_compared(configured_seconds, worst_seconds, delay))
    if headroom is not None and headroom < LEAST_HEADROOM:
        sentences.append(
            f"the link brings only {headroom:.1f} times what the programme needs, so that what an outage kept back "
            "comes slowly: a lower bitrate helps more than a longer DELAY"
        )
    if looked_seconds < SHORT_LOOK_SECONDS:
        sentences.append("look again in the evening, and longer (--seconds 3600): links are worst when all use them")
    return Advice(delay, tuple(sentences))


def _why(worst: float, looked: float, delay: int) -> str:
    if worst < GAP_SECONDS:
        return f"no gap of a second or more was seen in {spoken_seconds(looked)}: DELAY = {delay} is enough for that"
    gap = f"the worst gap in {spoken_seconds(looked)} was {spoken_seconds(worst)}"
    times = _times(delay, worst)
    if times is None:
        return f"{gap}, longer than a DELAY should be: {delay} is the most that is advised"
    return f"{gap}: DELAY = {delay} bridges {times} times that"


def _compared(configured: float, worst: float, delay: int) -> str:
    times = _times(configured, worst)
    if configured >= delay:
        bridges = f", which bridges {times} times the worst gap" if times else ""
        return f"the DELAY that is configured is {spoken_seconds(configured)}{bridges}: leave it"
    return f"the DELAY that is configured is {spoken_seconds(configured)}: raise it to {delay}"


def _times(delay: float, worst: float) -> int | None:
    """None where the number says nothing."""
    return int(delay / worst) if worst >= GAP_SECONDS and delay >= worst else None
