"""docs/faults.md, made of the outcomes."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faults.fault import Outcome
from distreamer.runtime.event_rows import ROWS
from distreamer.units import spoken_seconds

TEXT = """\
# How soon you are told

This page is made by `make faults`, which does to running programs what the second column says, and has a webhook told.
Everything is real: DiStreamer as its users run it, encoders (ffmpeg), links (`distreamer chaos`), disks. DELAY is 10 s
everywhere, everything else as it comes; what listeners have in their buffer when something breaks is about that much.

The seconds are those from the deed to the moment at which the webhook had the message. Most of them are meant: an event
waits until it is one ([events](reference/events.md) says how long), and what has ended must stay so for a while; the
rest is how long it takes until it can be known, such as that a link is dead, or that a buffer is full again. A message
was under way for {slowest:.2f} s at the most.

| event | what is done | told after | what mends it | told to be over after |
|---|---|---|---|---|
"""


def page(outcomes: Sequence[Outcome], slowest_seconds: float, machine: str) -> str:
    """The page in Markdown, in the order of the table of events."""
    order = [row.begins for row in ROWS]
    lines = [_row(outcome) for outcome in sorted(outcomes, key=lambda one: order.index(one.kind))]
    missing = [kind for kind in order if kind not in {outcome.kind for outcome in outcomes}]
    untried = f"\nNot provoked here: {', '.join(f'`{kind}`' for kind in missing)}.\n" if missing else ""
    return f"{TEXT.format(slowest=slowest_seconds)}{''.join(lines)}{untried}\nMeasured on {machine}.\n"


def _row(outcome: Outcome) -> str:
    fault = outcome.fault
    told, over = (
        (f"not tried: {outcome.reason}", "")
        if outcome.reason
        else (_seconds(outcome.told_seconds), _seconds(outcome.resolved_seconds))
    )
    return (
        f"| [`{outcome.kind}`](reference/events.md#{outcome.kind}) | {fault.how} | {told} | {fault.mended} | {over} |\n"
    )


def _seconds(seconds: float | None) -> str:
    return "**never**" if seconds is None else spoken_seconds(round(seconds, 1))
