"""What an input is given, made for a test; with a look at what came of it."""

from __future__ import annotations

from itertools import count

import structlog
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from distreamer.core.clock import LoopClock
from distreamer.core.cue import SteadyCue
from distreamer.core.ingest import Ingest
from distreamer.core.module import Health, InputContext
from distreamer.core.store import Store

WALL = 1_700_000_000.0


def capturing_log(into: CapturingLogger | None = None) -> FilteringBoundLogger:
    """A log that keeps its events in ``into``."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        into or CapturingLogger(), processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    return log


def sentences_of(said: CapturingLogger, *, aloud: bool = False) -> list[str]:
    """What was logged, without its values; ``aloud``: and without the details."""
    return [
        str(call.args[0] if call.args else call.kwargs.get("event"))
        for call in said.calls
        if not (aloud and call.method_name == "debug")
    ]


def input_context(fragment_seconds: float = 1.0, log: CapturingLogger | None = None) -> InputContext:
    """A context with a store of its own, on the clock of the running loop."""
    clock = LoopClock(WALL)
    store = Store()
    epochs = count(1)
    return InputContext(
        name="input",
        store=store,
        ingest=Ingest(store, lambda: next(epochs), fragment_seconds),
        clock=clock,
        log=capturing_log(log),
        health=Health(clock),
        playout=None,
        delay_seconds=25.0,
        cue=SteadyCue(clock),
    )


def stored_audio(store: Store) -> bytes:
    """All audio that the store holds, in order."""
    return b"".join(fragment.audio for fragment in store)


def stored_titles(store: Store) -> list[tuple[int, str]]:
    """Each title with the offset in ``stored_audio`` at which it begins."""
    found: list[tuple[int, str]] = []
    position = 0
    for fragment in store:
        marks = [(0, fragment.title)] if fragment.title else []
        marks += [(mark.offset, mark.title) for mark in fragment.title_marks]
        for offset, title in marks:
            if not found or found[-1][1] != title.text:
                found.append((position + offset, title.text))
        position += len(fragment.audio)
    return found
