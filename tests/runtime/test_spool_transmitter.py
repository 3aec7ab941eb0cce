"""A PC B that is killed goes on where it was, and behind a long absence by ONRETURN."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from distreamer.core.programme_return import FIRST_ARRIVAL_SECONDS
from distreamer.media.auto import AutoFramer
from distreamer.model.status import PlayoutState
from tests.support.changing_instance import Player, configured, players_server
from tests.support.spooled import (
    FRAMES_PER_SECOND,
    CarriedSettings,
    Disk,
    Link,
    on_air,
    running,
    studio,
    transmitter,
)
from tests.support.virtual_time import virtual_time


def programme_of(player: Player) -> list[int]:
    """The numbers of the frames that were heard; filler, whose frames differ in length, has 0."""
    return [int.from_bytes(frame.data[4:12], "big") for frame in AutoFramer().feed(player.transport.body)]


async def left_after_a_minute(folder: Path, disk: Disk, link: Link) -> Path:
    """What a transmitter leaves behind that ran for a minute and was killed."""
    async with running(transmitter(folder), disk, link) as one:
        await asyncio.sleep(60)
        return one.left_behind()


@pytest.mark.parametrize("away", [0.0, 2.0, 6.0])
def test_a_listener_who_comes_back_to_a_killed_transmitter_misses_nothing(tmp_path: Path, away: float) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        disk, link = Disk(), Link()
        async with running(studio(None), disk) as source:
            link.store = source.instance.store
            async with running(transmitter(tmp_path / "b"), disk, link) as one:
                await asyncio.sleep(60.4)
                player = one.player()
                await asyncio.sleep(30)
                left, heard, late = one.left_behind(), player.frames, on_air() - player.frames[-1]
            link.carried.clear()
            await asyncio.sleep(away)
            async with running(transmitter(left), disk, link) as one:
                await asyncio.sleep(1)
                again = one.player()
                await asyncio.sleep(30)
                again.assert_unbroken(20)
                assert again.frames[0] <= heard[-1] + 1
                # As far behind live as before, but for the fragment that is being played.
                assert abs(on_air() - again.frames[-1] - late) <= 45
                # What it had is not asked for once more.
                assert len(link.carried) <= 31 + away + 2
                assert one.instance.playout.status().dry_times == 0

    scenario()


@pytest.mark.parametrize(("away", "burst"), [(2.0, 3.0), (8.0, 3.0), (13.0, 10.0), (20.0, 10.0)])
def test_a_listener_misses_nothing_though_the_start_took_longer_than_the_burst(
    tmp_path: Path, away: float, burst: float
) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        disk, link, server = Disk(), Link(), players_server(burstseconds=burst)
        sections = ("input", CarriedSettings()), ("output", server)
        async with running(studio(None), disk) as source:
            link.store = source.instance.store
            async with running(configured(*sections, delay=25, spool=tmp_path / "b"), disk, link) as one:
                await asyncio.sleep(80.4)
                player = one.player()
                await asyncio.sleep(30)
                left, heard = one.left_behind(), player.frames
            await asyncio.sleep(away)
            async with running(configured(*sections, delay=25, spool=left), disk, link) as one:
                await asyncio.sleep(1.5)
                again = one.player()
                await asyncio.sleep(30)
                again.assert_unbroken(30)
                assert heard[-1] - burst * FRAMES_PER_SECOND <= again.frames[0] <= heard[-1] + 1
                # Who comes later, when nobody comes back any more, gets the burst that was asked for.
                latest = one.frames[-1]
                newcomer = one.player()
                await asyncio.sleep(0.1)
                assert len(newcomer.frames) <= burst * FRAMES_PER_SECOND + 1
                assert newcomer.frames[-1] <= latest

    scenario()


@virtual_time(600)
async def test_a_transmitter_plays_what_it_holds_though_the_link_is_down(tmp_path: Path) -> None:
    disk, link = Disk(), Link()
    async with running(studio(None), disk) as source:
        link.store = source.instance.store
        async with running(transmitter(tmp_path / "b"), disk, link) as one:
            await asyncio.sleep(60)
            left, newest = one.left_behind(), one.frames[-1]
        link.store = None
        await asyncio.sleep(2)
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(0.5)
            player = one.player()
            await asyncio.sleep(5)
            assert one.instance.playout.state is PlayoutState.PLAYING
            player.assert_unbroken(5)
            await asyncio.sleep(4)
            assert newest in player.frames


@virtual_time(900)
async def test_a_transmitter_that_was_away_for_long_is_as_late_as_before(tmp_path: Path) -> None:
    disk, link = Disk(), Link()
    async with running(studio(None), disk) as source:
        link.store = source.instance.store
        left = await left_after_a_minute(tmp_path / "b", disk, link)
        link.store = None
        await asyncio.sleep(60)
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(5)
            assert one.instance.playout.state.value == PlayoutState.DRY
            link.store = source.instance.store
            await asyncio.sleep(10)
            assert one.instance.playout.state.value == PlayoutState.PLAYING
            await asyncio.sleep(15)  # The burst has no filler any more.
            player = one.player()
            await asyncio.sleep(30)
            player.assert_unbroken(25)
            assert 10 <= (on_air() - player.frames[-1]) / FRAMES_PER_SECOND <= 13


@virtual_time(900)
async def test_a_transmitter_that_was_killed_while_it_caught_up_is_as_late_as_before(tmp_path: Path) -> None:
    disk, link = Disk(), Link()
    async with running(studio(None), disk) as source:
        link.store = source.instance.store
        left = await left_after_a_minute(tmp_path / "b", disk, link)
        await asyncio.sleep(60)
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(1.5)
            assert one.instance.playout.state.value == PlayoutState.DRY
            left = one.left_behind()
        link.store = None
        await asyncio.sleep(30)
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(2)
            link.store = source.instance.store
            await asyncio.sleep(12)
            assert one.instance.playout.state.value == PlayoutState.PLAYING
            await asyncio.sleep(15)
            player = one.player()
            await asyncio.sleep(30)
            assert 9 <= (on_air() - player.frames[-1]) / FRAMES_PER_SECOND <= 13


@virtual_time(900)
async def test_a_transmitter_waits_for_the_link_no_longer_than_a_moment(tmp_path: Path) -> None:
    disk, link = Disk(), Link()
    async with running(studio(None), disk) as source:
        link.store = source.instance.store
        left = await left_after_a_minute(tmp_path / "b", disk, link)
        await asyncio.sleep(60)
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(1.5)
            left = one.left_behind()
        link.store = None
        await asyncio.sleep(30)
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(FIRST_ARRIVAL_SECONDS - 0.5)
            assert one.instance.playout.state.value == PlayoutState.DRY
            await asyncio.sleep(1)
            assert one.instance.playout.state.value == PlayoutState.PLAYING


@virtual_time(900)
async def test_a_transmitter_that_had_run_dry_repeats_nothing(tmp_path: Path) -> None:
    disk, link = Disk(), Link()
    async with running(studio(None), disk) as source:
        link.store = source.instance.store
        async with running(transmitter(tmp_path / "b"), disk, link) as one:
            await asyncio.sleep(60)
            link.store = None
            await asyncio.sleep(30)
            assert one.instance.playout.state.value == PlayoutState.DRY
            left, last = one.left_behind(), one.frames[-1]
        async with running(transmitter(left), disk, link) as one:
            await asyncio.sleep(10)
            assert one.instance.playout.state.value == PlayoutState.DRY
            assert one.instance.playout.is_heard
            player = one.player()
            await asyncio.sleep(1)
            link.store = source.instance.store
            await asyncio.sleep(30)
            programme = [number for number in programme_of(player) if number]
            behind = next(place for place, number in enumerate(programme) if number > last)
            assert programme[:behind] == list(range(programme[0], last + 1))
            assert programme[behind:] == list(range(programme[behind], programme[-1] + 1))
            assert len(programme) - behind > 10 * FRAMES_PER_SECOND
