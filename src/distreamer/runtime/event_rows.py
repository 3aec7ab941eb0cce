"""The table of all that may happen to an instance, with how long it must be so. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from distreamer.model.event import Event, Severity
from distreamer.runtime import event_looks as looks
from distreamer.runtime.event_looks import Finding, Scene
from distreamer.runtime.plain_words import SILENCE


@dataclass(frozen=True, slots=True)
class Row:
    """Something that begins and ends."""

    begins: str
    """The kind of the event when it has been bad for ``hold_seconds``."""
    ends: str
    """The kind of the event when it has been fine for ``clear_seconds``."""
    severity: Severity
    hold_seconds: float
    clear_seconds: float
    meaning: str
    """For the manual."""
    look: Callable[[Scene], Iterator[Finding]]
    hold_key: str = ""
    """The key that says how long, where one does; the look then keeps to it."""


ROWS: Final = (
    Row(
        "source_lost",
        "source_back",
        Severity.ERROR,
        4.0,
        2.0,
        "Nothing arrives from the input that is on air, and the link is not to blame: the encoder or the server before "
        "it has stopped.",
        looks.source,
    ),
    Row(
        "link_down",
        "link_up",
        Severity.WARNING,
        3.0,
        2.0,
        "A conversation with another DiStreamer, or with a server that is sent to, is interrupted. Shorter cuts are in "
        "the link's history alone. Where there are several paths: all of them.",
        looks.links,
    ),
    Row(
        "path_down",
        "path_up",
        Severity.WARNING,
        10.0,
        5.0,
        "One of several paths is down, and another one stands in for it: nobody hears anything of it, but less is in "
        "reserve.",
        looks.paths,
    ),
    Row(
        "budget_low",
        "budget_fine",
        Severity.WARNING,
        2.0,
        5.0,
        "What is held lasts for less than BUDGETWARN, or less than half of DELAY where that is short: the next outage "
        "may be heard.",
        looks.budget,
    ),
    Row(
        "playout_dry",
        "playout_plays",
        Severity.ERROR,
        0.0,
        0.0,
        "Nothing is left to play: listeners are without programme, and live on what their players hold or hear filler.",
        looks.dry,
    ),
    Row(
        "filler_on_air",
        "filler_ended",
        Severity.ERROR,
        0.0,
        0.0,
        "Listeners hear silence or the file that FILLER names instead of the programme.",
        looks.filler,
    ),
    Row(
        SILENCE,
        "silence_over",
        Severity.ERROR,
        0.0,
        5.0,
        "The programme is softer than SILENCEDBFS, or digital silence: what is played or, where nothing is, what comes "
        "in. Filler does not count.",
        looks.silence,
        hold_key="SILENCESECONDS",
    ),
    Row(
        "input_replaced",
        "input_back",
        Severity.WARNING,
        0.0,
        0.0,
        "With several inputs: another than the preferred one is on air.",
        looks.preferred,
    ),
    Row(
        "input_failing",
        "input_works",
        Severity.WARNING,
        10.0,
        5.0,
        "An input, on air or not, has failed and is tried again and again.",
        looks.inputs,
    ),
    Row(
        "output_failing",
        "output_works",
        Severity.ERROR,
        10.0,
        5.0,
        "An output has failed and is tried again and again: its port is taken, or the server that it sends to refuses "
        "it.",
        looks.outputs,
    ),
    Row(
        "bitrate_wrong",
        "bitrate_right",
        Severity.WARNING,
        10.0,
        10.0,
        "A source of a constant bitrate (MPEG or AAC) has sent another than it says for 30 s, by more than 15 %.",
        looks.bitrate,
    ),
    Row(
        "disk_failing",
        "disk_works",
        Severity.WARNING,
        2.0,
        2.0,
        "The disk is full, broken or hangs; what was kept there is kept in memory alone.",
        looks.disk,
    ),
    Row(
        "passwords_refused",
        "passwords_quiet",
        Severity.WARNING,
        0.0,
        300.0,
        f"{looks.MOST_REFUSED} or more wrong passwords came within a minute: somebody guesses, or a peer is set "
        "wrongly. It ends after 5 minutes without any.",
        looks.passwords,
    ),
)
TEST_KIND: Final = "test"
"""Of an event that somebody has asked for to try the alerts."""


def trial_event(instance: str, at: float, number: int = 0) -> Event:
    """By which somebody tries whether alerts arrive."""
    return Event(TEST_KIND, at, instance, Severity.INFO, "this is a test, nothing is the matter", number=number)
