"""Several inputs where something is played: the switch waits for the last moment."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.input_switch import CUSHION_SECONDS
from distreamer.model.status import PlayoutState
from tests.support.switched_inputs import Source, SwitchedInputs, assert_ascending, numbers, runs
from tests.support.virtual_time import virtual_time

HOUR = 3600


@virtual_time(HOUR)
async def test_an_outage_shorter_than_the_buffer_puts_nothing_else_on_air() -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=True) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(15)
        # What was missed comes at once, as over a link that is back.
        for _ in range(15):
            main.bring()
        main.works = True
        await asyncio.sleep(60)
        assert runs(inputs.sent()) == ["main"]
        assert inputs.head.status().dry_times == 0


@virtual_time(HOUR)
async def test_at_the_last_moment_a_file_goes_on_air_and_nobody_hears_a_gap() -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=True) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(20)
        assert inputs.on_air == "main"
        await asyncio.sleep(60)
        assert inputs.on_air == "file"
        # Little is kept ahead, so that the programme is heard soon when it is back.
        assert inputs.head.level(inputs.clock.now()) <= CUSHION_SECONDS + 1.5
        back_at = inputs.clock.now()
        for _ in range(80):
            main.bring()
        main.works = True
        await asyncio.sleep(60)
        status = inputs.head.status()
        assert (status.dry_times, status.state) == (0, PlayoutState.PLAYING)
        assert runs([one for _, one in inputs.heard]) == ["main", "file", "main"]
        first_back = next(at for at, one in inputs.heard if one.startswith("main") and at > back_at)
        assert first_back - back_at <= 10 + CUSHION_SECONDS + 3
        # The buffer is full again, of what was missed last.
        assert abs(status.budget_seconds - 25) <= 2
        assert_ascending(numbers(inputs.sent(), "file"))


@virtual_time(HOUR)
async def test_a_second_outage_as_long_as_the_first_is_survived_too() -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file], playing=True) as inputs:
        await asyncio.sleep(60.5)
        for _ in range(4):
            main.works = False
            await asyncio.sleep(50)
            for _ in range(50):
                main.bring()
            main.works = True
            await asyncio.sleep(40)
            assert inputs.on_air == "main"
            assert inputs.head.status().budget_seconds == pytest.approx(25, abs=2)
        assert inputs.head.status().dry_times == 0


@virtual_time(HOUR)
async def test_when_nothing_ever_came_the_file_is_heard_soon() -> None:
    file = Source("file", on_demand=True)
    async with SwitchedInputs([Source("main", works=False), file], playing=True) as inputs:
        await asyncio.sleep(12)
        assert inputs.head.state is PlayoutState.PLAYING
        assert runs([one for _, one in inputs.heard]) == ["file"]


@virtual_time(HOUR)
async def test_a_live_backup_fills_the_buffer_that_the_silence_has_emptied() -> None:
    main, backup = Source("main"), Source("backup")
    async with SwitchedInputs([main, backup], playing=True) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(40)
        assert inputs.on_air == "backup"
        assert inputs.head.status().budget_seconds == pytest.approx(25, abs=2)
        assert inputs.head.status().dry_times == 0
        assert_ascending(numbers(inputs.sent(), "backup"))


@virtual_time(HOUR)
async def test_a_hole_is_waited_for_as_long_as_nobody_would_hear_it() -> None:
    main = Source("main")
    async with SwitchedInputs([main, Source("backup")], playing=True) as inputs:
        await asyncio.sleep(60.5)
        missing = next(main.numbers)
        await asyncio.sleep(12)
        main.bring(missing)
        await asyncio.sleep(1)
        assert_ascending(numbers(inputs.sent(), "main"))
        next(main.numbers)
        await asyncio.sleep(60)
        assert inputs.head.status().dry_times == 0
        assert len(inputs.cuts()) == 1
