"""Tells when listeners begin to hear the programme, lose it and get it back: the status line may miss all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from distreamer.model.status import PlayoutState, PlayoutStatus
from distreamer.runtime.plain_words import filler_words
from distreamer.units import spoken_seconds

LOOK_SECONDS = 1.0
"""How often it looks; counters tell what happened in between."""


async def tell_playout_news(status: Callable[[], PlayoutStatus], log: FilteringBoundLogger) -> None:
    """Until it is cancelled."""
    before = PlayoutStatus()
    told_dry_seconds = 0.0
    while True:
        after = status()
        # Behind a start it may be dry at once: what the spool holds was played, or is too old.
        if before.state is PlayoutState.WAITING and after.state is PlayoutState.PLAYING:
            log.info("the buffer is full, listeners can hear the programme")
        if before.state is not PlayoutState.WAITING and after.dry_times > before.dry_times:
            log.warning("the buffer ran out, players live on what they hold")
        if filler_words(after) != filler_words(before) and after.is_filling:
            log.warning(f"listeners hear {filler_words(after)} until the programme is back")
        if after.state is PlayoutState.PLAYING and after.dry_seconds > told_dry_seconds:
            log.info("listeners hear the programme again", after=spoken_seconds(after.dry_seconds - told_dry_seconds))
            told_dry_seconds = after.dry_seconds
        before = after
        await asyncio.sleep(LOOK_SECONDS)
