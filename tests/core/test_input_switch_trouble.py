"""Several inputs in trouble: what comes in bursts, returns without a past, hangs, fails, or comes after hours."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.live_standby import PAUSE_SECONDS
from distreamer.model.status import PlayoutState
from tests.support.switched_inputs import Source, SwitchedInputs, numbers, runs
from tests.support.virtual_time import virtual_time

HOUR = 3600


# -- nothing that was on air comes again


@virtual_time(HOUR)
@pytest.mark.parametrize("playing", [False, True])
async def test_a_source_without_a_past_repeats_nothing_at_its_return(playing: bool) -> None:
    """An encoder that was off: what it sent before is no part of what was missed."""
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=playing) as inputs:
        for outage in (20, 60, 120):
            await asyncio.sleep(100)
            main.works = False
            await asyncio.sleep(outage)
            main.works = True
            await asyncio.sleep(40)
            assert inputs.on_air == "main"
        found = numbers(inputs.carried, "main")
        assert found == sorted(set(found))
        assert inputs.head.status().dry_times == 0


@virtual_time(HOUR)
async def test_a_backup_that_was_away_too_begins_with_what_it_has_brought_since() -> None:
    main, backup = Source("main"), Source("backup")
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(100.5)
        main.works = backup.works = False
        await asyncio.sleep(60)
        backup.works = True
        await asyncio.sleep(20)
        assert inputs.on_air == "backup"
        assert numbers(inputs.sent(), "backup")[0] == 101
        # What nobody had is not made up for at the next switch either.
        main.works = True
        await asyncio.sleep(30)
        assert inputs.on_air == "main"
        assert numbers(inputs.carried, "main")[100] > 101


@virtual_time(HOUR)
async def test_after_a_file_that_was_played_once_the_programme_does_not_begin_again() -> None:
    main, jingle = Source("main"), Source("jingle", on_demand=True, ends_after=20)
    async with SwitchedInputs([main, jingle]) as inputs:
        await asyncio.sleep(400.5)
        main.works = False
        await asyncio.sleep(600)
        main.works = True
        await asyncio.sleep(60)
        found = numbers(inputs.carried, "main")
        assert found == sorted(set(found))


# -- audio that comes in bursts


@virtual_time(2 * HOUR)
@pytest.mark.parametrize("burst", [5, 11, 14, 25])
@pytest.mark.parametrize("playing", [False, True])
async def test_a_main_input_that_brings_much_at_a_time_is_on_air(playing: bool, burst: int) -> None:
    """A DiStreamer 2 gives fragments of 82 kB: 14 s at 48 kbit/s."""
    main, file = Source("main", works=False), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=playing, delay=60) as inputs:
        for _ in range(600 // burst):
            await asyncio.sleep(burst)
            for _ in range(burst):
                main.bring()
        assert inputs.on_air == "main"
        assert inputs.switch.switches <= 2
        assert inputs.head.status().dry_times == 0
        # And when it is gone, that is noticed.
        await asyncio.sleep(120)
        assert inputs.on_air == "file"


# -- inputs that fail when they are needed


@virtual_time(HOUR)
@pytest.mark.parametrize("playing", [False, True])
async def test_a_file_that_hangs_gives_way(playing: bool) -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    silence = Source("silence", priority=2, on_demand=True)
    async with SwitchedInputs([main, file, silence], playing=playing) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(60)
        assert inputs.on_air == "file"
        file.hangs = True
        await asyncio.sleep(20)
        assert inputs.on_air == "silence"
        await asyncio.sleep(600)
        assert inputs.on_air == "silence"
        assert inputs.head.status().dry_seconds < 10


@virtual_time(2 * HOUR)
async def test_an_input_that_fails_whenever_it_is_wanted_does_not_make_the_switch_flap() -> None:
    main, broken = Source("main"), Source("broken", on_demand=True, fails=True)
    file = Source("file", priority=2, on_demand=True)
    async with SwitchedInputs([main, broken, file]) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(HOUR)
        assert inputs.on_air == "file"
        assert inputs.switch.switches <= 14
        assert -1 <= inputs.balance_of_all() <= 2


# -- small delays, long silences


@virtual_time(HOUR)
async def test_after_a_start_without_the_programme_it_is_heard_soon_when_it_comes() -> None:
    main, file = Source("main", works=False), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=True, delay=280) as inputs:
        await asyncio.sleep(20)
        assert inputs.head.state is PlayoutState.PLAYING
        for _ in range(280):
            main.bring()
        main.works = True
        await asyncio.sleep(30)
        assert inputs.heard[-1][1].startswith("main")
        assert inputs.head.status().budget_seconds == pytest.approx(280, abs=5)
        assert inputs.head.status().dry_times == 0


@virtual_time(HOUR)
@pytest.mark.parametrize(("delay", "after"), [(25.0, 120.0), (1.0, None), (4.0, None)])
async def test_listeners_are_never_further_behind_than_delay_because_of_a_file(
    delay: float, after: float | None
) -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=True, delay=delay, after=after) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(300)
        assert inputs.on_air == "file"
        assert inputs.head.level(inputs.clock.now()) <= delay + 1.5
        main.works = True
        await asyncio.sleep(60)
        assert inputs.head.level(inputs.clock.now()) <= delay + 1.5


@virtual_time(3 * HOUR)
async def test_after_hours_in_which_nothing_worked_a_file_does_not_make_up_for_all_of_it() -> None:
    main, file = Source("main"), Source("file", on_demand=True, starts_after=2 * HOUR)
    async with SwitchedInputs([main, file]) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(2 * HOUR)
        assert inputs.on_air == "file"
        assert len(numbers(inputs.carried, "file")) < 120


# -- titles


@virtual_time(HOUR)
async def test_the_title_of_a_file_does_not_stay_when_the_programme_has_none() -> None:
    main, file = Source("main", has_titles=False), Source("file", on_demand=True)
    async with SwitchedInputs([main, file]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(30)
        main.works = True
        await asyncio.sleep(30)
        titles = [one.title.text for one in inputs.store if one.title is not None]
        assert titles[-1] == ""
        assert titles[0].startswith("file")


# -- bursts that say nothing about what comes later


@virtual_time(HOUR)
@pytest.mark.parametrize("at_once", [4, 11, 30, 300])
@pytest.mark.parametrize("after", [None, 2.0])
async def test_a_burst_at_the_start_does_not_delay_a_fallback_later(at_once: int, after: float | None) -> None:
    main, file = Source("main", at_once=at_once), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], after=after) as inputs:
        await asyncio.sleep(100.5)
        main.works = False
        await asyncio.sleep((after or PAUSE_SECONDS) + 1.5)
        assert inputs.on_air == "file"


@virtual_time(HOUR)
@pytest.mark.parametrize("playing", [False, True])
async def test_who_dies_right_behind_a_catch_up_does_not_come_on_air(playing: bool) -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=playing) as inputs:
        await asyncio.sleep(100.5)
        main.works = False
        await asyncio.sleep(60)
        for _ in range(60):
            main.bring()
        await asyncio.sleep(120)
        assert inputs.on_air == "file"
        assert inputs.switch.switches == 1
        assert inputs.head.status().dry_times == 0


@virtual_time(HOUR)
async def test_a_return_waits_until_the_catch_up_is_over() -> None:
    """Otherwise the rest of it would come on top of what was filled already, and all far ends be later for ever."""
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file]) as inputs:
        for _ in range(5):
            await asyncio.sleep(100)
            main.works = False
            await asyncio.sleep(60)
            for _ in range(60):
                main.bring()
                await asyncio.sleep(0.5)
            for _ in range(30):
                main.bring()
            main.works = True
            await asyncio.sleep(30)
            assert inputs.on_air == "main"
        assert abs(inputs.balance_of_all()) <= 5


# -- links that are too thin


@virtual_time(HOUR)
@pytest.mark.parametrize("period", [1.1, 1.25, 2.0, 2.9, 4.0])
async def test_a_link_that_is_too_thin_gives_way_before_it_is_heard(period: float) -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=True) as inputs:
        await asyncio.sleep(100)
        main.period = period
        await asyncio.sleep(1000)
        assert inputs.head.status().dry_times == 0
        assert "file" in runs(inputs.carried)


@virtual_time(HOUR)
async def test_where_nothing_plays_a_link_that_is_too_thin_gives_way_too() -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file]) as inputs:
        await asyncio.sleep(100)
        for period in (1.3, 3.0):
            main.period = period
            await asyncio.sleep(120)
            assert "file" in runs(inputs.carried)
            main.period = 1.0
            await asyncio.sleep(120)
            assert inputs.on_air == "main"


# -- what was in reserve and is no more


@virtual_time(HOUR)
@pytest.mark.parametrize("broken", ["fails", "hangs"])
async def test_a_file_that_gave_nothing_leaves_the_programme_its_whole_delay(broken: str) -> None:
    main = Source("main", works=False)
    file = Source("file", on_demand=True, fails=broken == "fails", hangs=broken == "hangs")
    async with SwitchedInputs([main, file], playing=True) as inputs:
        await asyncio.sleep(25)
        for _ in range(60):
            main.bring()
        main.works = True
        await asyncio.sleep(60)
        assert inputs.on_air == "main"
        assert inputs.head.status().budget_seconds == pytest.approx(25, abs=2)


@virtual_time(HOUR)
async def test_a_file_that_hangs_is_noticed_before_listeners_do() -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    silence = Source("silence", priority=2, on_demand=True)
    async with SwitchedInputs([main, file, silence], playing=True) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(60)
        file.hangs = True
        await asyncio.sleep(60)
        assert inputs.on_air == "silence"
        assert inputs.head.status().dry_times == 0
