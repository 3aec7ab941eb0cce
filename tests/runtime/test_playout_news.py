"""What the log tells about the sound that listeners get."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import structlog
from structlog.testing import CapturingLogger

from distreamer.model.status import PlayoutState, PlayoutStatus
from distreamer.runtime.playout_news import tell_playout_news
from tests.support.virtual_time import virtual_time

WAITING = PlayoutStatus()
PLAYING = PlayoutStatus(PlayoutState.PLAYING)


async def told(*states: PlayoutStatus) -> list[str]:
    """The lines that these states make, one look each."""
    lines: list[str] = []

    def note(_: object, level: str, event: structlog.typing.EventDict) -> str:
        lines.append(" ".join([f"{level}: {event.pop('event')}", *(f"{key}={event[key]}" for key in event)]))
        return ""

    log = structlog.wrap_logger(
        CapturingLogger(), processors=[note], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    script: Iterator[PlayoutStatus] = iter(states)
    last = states[-1]
    with suppress(TimeoutError):
        async with asyncio.timeout(len(states) + 5):
            await tell_playout_news(lambda: next(script, last), log)
    return lines


@virtual_time(60)
async def test_the_beginning_of_the_sound_is_told_once() -> None:
    assert await told(WAITING, WAITING, PLAYING, PLAYING) == [
        "info: the buffer is full, listeners can hear the programme"
    ]


@virtual_time(60)
async def test_each_silence_is_told_with_its_length() -> None:
    lines = await told(
        PLAYING,
        PlayoutStatus(PlayoutState.DRY, dry_times=1, dry_seconds=0.4),
        PlayoutStatus(PlayoutState.DRY, dry_times=1, dry_seconds=41.4),
        PlayoutStatus(PlayoutState.PLAYING, dry_times=1, dry_seconds=42.0),
        PlayoutStatus(PlayoutState.DRY, dry_times=2, dry_seconds=42.5),
        PlayoutStatus(PlayoutState.PLAYING, dry_times=2, dry_seconds=45.0),
    )
    assert lines[1:] == [
        "warning: the buffer ran out, players live on what they hold",
        "info: listeners hear the programme again after=42 s",
        "warning: the buffer ran out, players live on what they hold",
        "info: listeners hear the programme again after=3 s",
    ]


@virtual_time(60)
async def test_a_silence_between_two_looks_is_told() -> None:
    lines = await told(PLAYING, PlayoutStatus(PlayoutState.PLAYING, dry_times=1, dry_seconds=0.5))
    assert lines[1:] == [
        "warning: the buffer ran out, players live on what they hold",
        "info: listeners hear the programme again after=0.5 s",
    ]


@virtual_time(60)
async def test_filler_is_told_when_it_begins() -> None:
    lines = await told(
        PLAYING,
        PlayoutStatus(PlayoutState.DRY, dry_times=1, dry_seconds=0.4),
        PlayoutStatus(PlayoutState.DRY, dry_times=1, dry_seconds=2.4, is_filling=True),
        PlayoutStatus(PlayoutState.DRY, dry_times=1, dry_seconds=3.4, is_filling=True),
        PlayoutStatus(PlayoutState.PLAYING, dry_times=1, dry_seconds=30.0),
    )
    assert lines[1:] == [
        "warning: the buffer ran out, players live on what they hold",
        "warning: listeners hear silence until the programme is back",
        "info: listeners hear the programme again after=30 s",
    ]


@virtual_time(60)
async def test_a_file_is_told_when_it_begins_or_takes_the_place_of_silence() -> None:
    filling = PlayoutStatus(PlayoutState.DRY, dry_times=1, dry_seconds=2.4, is_filling=True)
    lines = await told(
        PLAYING,
        filling,
        replace(filling, fills_with_clip=True),
        replace(filling, fills_with_clip=True),
        PlayoutStatus(PlayoutState.PLAYING, dry_times=1, dry_seconds=30.0),
        PlayoutStatus(PlayoutState.DRY, dry_times=2, dry_seconds=32.4, is_filling=True, fills_with_clip=True),
    )
    assert lines[2:] == [
        "warning: listeners hear silence until the programme is back",
        "warning: listeners hear the filler file until the programme is back",
        "info: listeners hear the programme again after=30 s",
        "warning: the buffer ran out, players live on what they hold",
        "warning: listeners hear the filler file until the programme is back",
    ]
