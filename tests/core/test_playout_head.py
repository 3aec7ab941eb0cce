"""The playout head: the playout in the time of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from distreamer.core.clock import LoopClock
from distreamer.core.lead import LEAD_SECONDS
from distreamer.core.played import RECENT_BYTES, RECENT_SECONDS, Played
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store
from distreamer.model.status import PlayoutState
from tests.support.made_audio import INFO, fragment
from tests.support.virtual_time import virtual_time


class Ear:
    """Notes what is played, and when."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self.heard: list[tuple[float, int]] = []

    def __call__(self, played: Played) -> None:
        self.heard.append((round(self._clock.now(), 3), played.fragment.number))


@asynccontextmanager
async def running(delay: float = 3.0) -> AsyncIterator[tuple[PlayoutHead, Store, Ear]]:
    store = Store()
    store.open_epoch(1, INFO)
    clock = LoopClock(wall=1_000_000.0)
    head = PlayoutHead(store, clock, lambda info: delay)
    ear = Ear(clock)
    head.subscribe(ear)
    task = asyncio.create_task(head.run())
    try:
        yield head, store, ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def start(store: Store) -> None:
    """The delay is there: fragment 1, which is all of the lead, is due; 2 and 3 are held."""
    store.add(replace(fragment(1), duration=round((LEAD_SECONDS + 1) * INFO.format.clock_rate)))
    store.add(fragment(2))
    store.add(fragment(3))


@virtual_time(60)
async def test_plays_each_fragment_when_it_is_due() -> None:
    async with running() as (_, store, ear):
        await asyncio.sleep(5)
        start(store)
        for number in range(4, 9):
            await asyncio.sleep(1)
            store.add(fragment(number))
        await asyncio.sleep(0.5)
    assert ear.heard == [(float(number + 4), number) for number in range(1, 7)]


@virtual_time(60)
async def test_goes_on_through_an_outage_and_wakes_when_audio_is_back() -> None:
    async with running() as (head, store, ear):
        start(store)
        await asyncio.sleep(7)
        assert head.status().state is PlayoutState.DRY
        for number in range(4, 7):
            store.add(fragment(number))
        await asyncio.sleep(0.1)
        assert head.status().state is PlayoutState.PLAYING
        assert head.status().dry_seconds == pytest.approx(4.0)
    assert ear.heard == [(0.0, 1), (1.0, 2), (2.0, 3), (7.0, 4)]


@virtual_time(200)
async def test_keeps_what_was_played_last() -> None:
    async with running() as (head, store, _):
        start(store)
        await asyncio.sleep(1.5)
        assert [played.fragment.number for played in head.recent()] == [1, 2]
        for number in range(4, 101):
            store.add(fragment(number))
        await asyncio.sleep(60)
        assert [played.fragment.number for played in head.recent()] == list(range(33, 63))
        assert sum(played.seconds for played in head.recent()) == RECENT_SECONDS


@virtual_time(60)
async def test_what_it_keeps_is_bounded_in_bytes() -> None:
    async with running() as (head, store, _):
        for number in range(1, 6):
            store.add(replace(fragment(number), audio=bytes(RECENT_BYTES // 2)))
        await asyncio.sleep(2.5)
        assert [played.fragment.number for played in head.recent()] == [4, 5]


@virtual_time(60)
async def test_a_subscriber_that_left_hears_nothing_more() -> None:
    async with running() as (head, store, ear):
        second = Ear(LoopClock())
        unsubscribe = head.subscribe(second)
        start(store)
        await asyncio.sleep(0.5)
        unsubscribe()
        await asyncio.sleep(1)
    assert second.heard == [(0.0, 1)]
    assert ear.heard == [(0.0, 1), (1.0, 2)]
