"""An instance that is killed goes on where it was, and whatever its disk does, the programme goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from distreamer.config.instance import InstanceConfig
from distreamer.core.store import Store
from distreamer.model.status import PlayoutState, SpoolStatus
from tests.support.changing_instance import ProbeSettings, configured
from tests.support.spooled import (
    NO_SPACE,
    BurstySettings,
    Disk,
    Link,
    Spooled,
    assert_unbroken,
    on_air,
    running,
    studio,
    transmitter,
)
from tests.support.virtual_time import VirtualTimeLoop, virtual_time


def two_inputs(folder: Path) -> InstanceConfig:
    inputs = ("input", BurstySettings()), ("input backup", BurstySettings(priority=2))
    return configured(*inputs, ("output", ProbeSettings()), spool=folder)


def status(one: Spooled) -> SpoolStatus:
    found = one.instance.snapshot().spool
    assert found is not None
    return found


def named(store: Store) -> dict[tuple[int, int], bytes]:
    return {(fragment.epoch, fragment.number): fragment.audio for fragment in store}


@pytest.mark.parametrize("away", [0.0, 2.0, 6.0])
def test_a_killed_studio_goes_on_in_its_epoch_and_nothing_is_lost_or_comes_twice(tmp_path: Path, away: float) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        disk = Disk()
        async with running(studio(tmp_path / "a"), disk) as one:
            await asyncio.sleep(60.3)
            left, before = one.left_behind(), named(one.instance.store)
        await asyncio.sleep(away)
        async with running(studio(left), disk) as one:
            await asyncio.sleep(20)
            assert_unbroken(one.frames)
            assert one.frames[-1] >= on_air() - 2 * 39
            assert len(one.instance.store.epochs) == 1
            assert not any(fragment.discontinuity for fragment in one.instance.store)
            after = named(one.instance.store)
            assert before.keys() <= after.keys()
            assert all(after[name] == audio for name, audio in before.items())
            assert {fragment.last_title.text for fragment in one.instance.store if fragment.last_title} == {"Song"}

    scenario()


@virtual_time(600)
async def test_a_studio_that_was_away_for_longer_than_the_burst_has_a_gap_and_goes_on(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(60)
        left, last = one.left_behind(), one.frames[-1]
    await asyncio.sleep(30)
    async with running(studio(left), disk) as one:
        await asyncio.sleep(20)
        behind = one.frames.index(last) + 1
        assert_unbroken(one.frames[:behind])
        assert_unbroken(one.frames[behind:])
        assert len(one.instance.store.epochs) == 1
        assert sum(fragment.discontinuity for fragment in one.instance.store) == 1


@virtual_time(600)
async def test_a_studio_with_two_inputs_goes_on_as_well(tmp_path: Path) -> None:
    disk = Disk()
    async with running(two_inputs(tmp_path / "a"), disk) as one:
        await asyncio.sleep(60)
        left = one.left_behind()
    await asyncio.sleep(2)
    async with running(two_inputs(left), disk) as one:
        await asyncio.sleep(20)
        assert_unbroken(one.frames)
        assert len(one.instance.store.epochs) == 1
        assert one.frames[-1] >= on_air() - 2 * 39


@virtual_time(600)
async def test_no_number_is_given_twice_though_the_disk_was_away_before_the_kill(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        disk.hangs = True
        await asyncio.sleep(30)
        left, before = one.left_behind(), named(one.instance.store)
        assert one.frames[-1] >= on_air() - 2 * 39
    disk = Disk()
    async with running(studio(left), disk) as one:
        await asyncio.sleep(10)
        after = named(one.instance.store)
        assert all(after[name] == before[name] for name in after.keys() & before.keys())
        newest = one.instance.store.newest()
        assert newest is not None
        assert (newest.epoch, newest.number) > max(before)
        assert len(one.instance.store.epochs) == 1


@virtual_time(600)
async def test_a_disk_that_hangs_holds_nothing_up_and_is_used_again(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        disk.hangs = True
        newest = one.frames[-1]
        await asyncio.sleep(4)
        assert not status(one).works
        assert "has not answered for 2 s" in status(one).trouble
        await asyncio.sleep(60)
        assert_unbroken(one.frames)
        assert one.frames[-1] > newest + 60 * 38
        disk.wake()
        await asyncio.sleep(70)
        assert status(one).works
        assert status(one).unwritten > 50
        assert one.lines.count("the spool cannot be used; everything goes on, but would not outlive the process") == 1
        assert one.lines.count("the spool is written again") == 1
        left = one.left_behind()
    async with running(studio(left), disk) as one:
        await asyncio.sleep(10)
        assert one.frames[-1] >= on_air() - 2 * 39
        assert_unbroken(one.frames)


@virtual_time(600)
async def test_what_is_numbered_here_is_seen_by_others_when_it_is_written(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        seen: list[bool] = []

        def look() -> None:
            newest = one.instance.store.newest()
            files = b"".join(path.read_bytes() for path in (tmp_path / "a").glob("*.spool"))
            seen.append(newest is None or newest.audio in files)

        one.instance.store.subscribe(look)
        await asyncio.sleep(20)
        assert len(seen) >= 15
        assert all(seen)
        disk.hangs = True
        held = len(one.instance.store)
        await asyncio.sleep(1.9)
        assert len(one.instance.store) == held
        await asyncio.sleep(3)
        assert len(one.instance.store) >= held + 3


@virtual_time(600)
async def test_a_full_disk_is_said_once_and_used_again_when_there_is_room(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        disk.fault = NO_SPACE
        await asyncio.sleep(100)
        assert status(one).trouble == "No space left on device"
        assert_unbroken(one.frames)
        disk.fault = 0
        await asyncio.sleep(70)
        assert status(one).works
        assert one.lines.count("the spool cannot be used; everything goes on, but would not outlive the process") == 1


@virtual_time(600)
async def test_a_disk_that_hangs_at_the_end_is_told_in_words(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        disk.hangs = True
    assert status(one).trouble == "the disk does not answer within 2 s"
    disk.wake()


@virtual_time(600)
async def test_a_process_that_stood_still_itself_does_not_take_that_for_a_disk_that_hangs(tmp_path: Path) -> None:
    disk, loop = Disk(), asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        disk.hangs = True
        await asyncio.sleep(1.5)
        loop.pass_time(10)
        await asyncio.sleep(0.1)
        disk.wake()
        await asyncio.sleep(10)
        assert status(one).works
        unusable = "the spool cannot be used; everything goes on, but would not outlive the process"
        assert unusable not in one.lines
        disk.hangs = True
        await asyncio.sleep(4)
        assert not status(one).works
        assert unusable in one.lines


@virtual_time(600)
async def test_an_instance_whose_disk_hangs_from_the_beginning_begins_all_the_same(tmp_path: Path) -> None:
    disk = Disk(hangs=True)
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        assert_unbroken(one.frames)
        assert "does not answer within 10 s" in status(one).trouble
        disk.wake()
        await asyncio.sleep(60)
        assert status(one).works


@virtual_time(600)
async def test_two_instances_do_not_share_a_folder(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as first:
        await asyncio.sleep(10)
        async with running(studio(tmp_path / "a"), disk) as second:
            await asyncio.sleep(10)
            trouble = status(second).trouble
            assert str(tmp_path / "a") in trouble
            assert "is the SPOOL of another instance: station (process " in trouble
            assert second.frames
            assert status(first).works


@virtual_time(600)
async def test_who_is_stopped_in_good_order_leaves_everything(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30.7)
        instance = one.instance
    held = named(instance.store)
    assert list(held)[-1][1] == len(held)
    async with running(studio(tmp_path / "a"), disk) as one:
        assert status(one).works
        assert status(one).restored_seconds > 37
        await asyncio.sleep(10)
        assert held.items() <= named(one.instance.store).items()
        assert_unbroken(one.frames)


@virtual_time(600)
async def test_a_folder_that_cannot_be_used_is_used_when_it_can(tmp_path: Path) -> None:
    disk = Disk()
    (tmp_path / "a").write_text("in the way")
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        assert status(one).trouble == "File exists"
        assert_unbroken(one.frames)
        (tmp_path / "a").unlink()
        await asyncio.sleep(60)
        assert status(one).works
        left, frames = one.left_behind(), one.frames
    async with running(studio(left), disk) as one:
        assert one.frames == frames


@virtual_time(600)
async def test_what_is_damaged_costs_itself_alone_and_is_said_once(tmp_path: Path) -> None:
    disk, link = Disk(), Link()
    async with running(studio(None), disk) as source:
        link.store = source.instance.store
        async with running(transmitter(tmp_path / "b"), disk, link) as one:
            await asyncio.sleep(120)
            left, held = one.left_behind(), len(one.instance.store)
            place = one.instance.playout.place
        assert place is not None
        for path in sorted(left.glob("*.spool")):
            data = path.read_bytes()
            # Of each file the middle, and what was played last.
            for at in (len(data) // 2, data.find(b'"number":%d,"start"' % place.number)):
                if at >= 0:
                    data = data[:at] + b"?" + data[at + 1 :]
            path.write_bytes(data)
        link.store = None
        async with running(transmitter(left), disk, link) as one:
            assert held - 8 <= len(one.instance.store) < held
            assert 2 <= status(one).damages <= 8
            assert one.lines.count("the spool is damaged in places; what is whole was taken up") == 1
            assert one.instance.playout.state is PlayoutState.PLAYING
            link.store = source.instance.store
            await asyncio.sleep(5)
            assert_unbroken(one.frames)


@virtual_time(600)
async def test_another_folder_gets_what_is_held(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a"), disk) as one:
        await asyncio.sleep(30)
        assert await one.become(studio(tmp_path / "b")) == ["SPOOL changed"]
        await asyncio.sleep(20)
        one.folder = tmp_path / "b"
        assert status(one).folder == str(tmp_path / "b")
        left, frames = one.left_behind(), one.frames
        await one.become(studio(None))
        assert one.instance.snapshot().spool is None
        await asyncio.sleep(5)
        await one.become(studio(tmp_path / "a"))
        await asyncio.sleep(10)
        assert status(one).works
        assert_unbroken(one.frames)
    async with running(studio(left), disk) as one:
        assert one.frames == frames


@virtual_time(600)
async def test_no_more_is_kept_than_history_asks_for(tmp_path: Path) -> None:
    disk = Disk()
    async with running(studio(tmp_path / "a", history=60), disk) as one:
        await asyncio.sleep(400)
        size = sum(path.stat().st_size for path in (tmp_path / "a").glob("*.spool"))
        kept = one.instance.store.seconds
        assert kept * 16_000 < size < (kept + 60) * 16_700
        assert status(one).size == size
        left = one.left_behind()
    async with running(studio(left, history=60), disk) as one:
        assert one.instance.store.seconds > kept - 2
