"""Several inputs: who is on air when, what is spliced, and what listeners hear of it."""

from __future__ import annotations

import asyncio

from distreamer.core.live_standby import PAUSE_SECONDS
from tests.support.switched_inputs import Source, SwitchedInputs, assert_ascending, numbers, other_rate, runs
from tests.support.virtual_time import virtual_time

HOUR = 3600


# -- where nothing is played: soon, and without a hole in time


@virtual_time(HOUR)
async def test_the_first_in_the_file_is_on_air_and_the_others_stand_by() -> None:
    async with SwitchedInputs([Source("main"), Source("backup")]) as inputs:
        await asyncio.sleep(60.5)
        assert runs(inputs.sent()) == ["main"]
        assert_ascending(numbers(inputs.sent(), "main"))
        assert len(inputs.store.epochs) == 1


@virtual_time(HOUR)
async def test_priority_counts_before_the_order_of_the_file() -> None:
    async with SwitchedInputs([Source("backup", priority=2), Source("main", priority=1)]) as inputs:
        await asyncio.sleep(60.5)
        assert runs(inputs.sent()) == ["main"]
        assert inputs.on_air == "main"


@virtual_time(HOUR)
async def test_a_live_backup_takes_over_from_where_the_programme_fell_silent() -> None:
    main, backup = Source("main"), Source("backup")
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(29.5)
        sent = inputs.sent()
        assert runs(sent) == ["main", "backup"]
        # Both bring their n-th fragment at the same moment: none is left out, none comes twice.
        assert numbers(sent, "main") == list(range(1, 31))
        assert_ascending(numbers(sent, "backup"))
        assert abs(numbers(sent, "backup")[0] - 31) <= 1
        assert inputs.cuts() == [sent[30]]
        assert len(inputs.store.epochs) == 1
        assert inputs.switch.switches == 1
        event, warning = inputs.said.calls[-1].kwargs, inputs.said.calls[-1].method_name
        assert (event["event"], warning) == ("backup goes on air", "warning")


@virtual_time(HOUR)
async def test_the_preferred_input_returns_after_it_has_been_healthy_long_enough() -> None:
    main, backup = Source("main", return_seconds=20), Source("backup")
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(30)
        main.works = True
        await asyncio.sleep(15)
        assert inputs.on_air == "backup"
        # A pause on the way begins the count anew.
        main.works = False
        await asyncio.sleep(PAUSE_SECONDS + 2)
        main.works = True
        await asyncio.sleep(15)
        assert inputs.on_air == "backup"
        await asyncio.sleep(10)
        assert inputs.on_air == "main"
        sent = inputs.sent()
        assert runs(sent) == ["main", "backup", "main"]
        assert_ascending(numbers(sent, "backup"))
        assert abs(inputs.balance()) <= 1.5
        assert inputs.said.calls[-1].kwargs["event"] == "main is on air again"


@virtual_time(HOUR)
async def test_a_short_silence_changes_nothing() -> None:
    main = Source("main")
    async with SwitchedInputs([main, Source("backup")]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(PAUSE_SECONDS - 1)
        main.works = True
        await asyncio.sleep(60)
        assert runs(inputs.sent()) == ["main"]


@virtual_time(HOUR)
async def test_fallbackafter_is_kept_and_does_not_flap() -> None:
    main = Source("main", return_seconds=15)
    async with SwitchedInputs([main, Source("backup")], after=2.0) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(3.6)
        assert inputs.on_air == "backup"
        await asyncio.sleep(10)
        assert inputs.switch.switches == 1
        main.works = True
        await asyncio.sleep(14)
        assert inputs.switch.switches == 1
        await asyncio.sleep(3)
        assert (inputs.on_air, inputs.switch.switches) == ("main", 2)


@virtual_time(HOUR)
async def test_a_file_fills_the_gap_at_once_and_then_keeps_real_time() -> None:
    main, file = Source("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(PAUSE_SECONDS + 1)
        assert inputs.on_air == "file"
        assert -1 <= inputs.balance() <= 1.5
        for _ in range(20):
            await asyncio.sleep(5)
            assert -1 <= inputs.balance() <= 1.5
        main.works = True
        await asyncio.sleep(30)
        assert inputs.on_air == "main"
        assert -1 <= inputs.balance() <= 1.5
        assert runs(inputs.sent()) == ["main", "file", "main"]
        assert numbers(inputs.sent(), "file")[0] == 1


@virtual_time(24 * HOUR)
async def test_what_splices_are_off_by_does_not_add_up() -> None:
    main, backup, file = Source("main"), Source("backup"), Source("file", priority=2, on_demand=True)
    async with SwitchedInputs([main, backup, file]) as inputs:
        for attempt in range(100):
            await asyncio.sleep(17.3 + attempt * 0.013)
            main.works = False
            backup.works = attempt % 3 != 0
            await asyncio.sleep(18.7)
            main.works = backup.works = True
            await asyncio.sleep(18)
        assert inputs.switch.switches >= 200
        newest = inputs.store.newest()
        assert newest is not None
        assert abs(newest.end / 44100 - inputs.clock.now()) <= 3
        for name in ("main", "backup"):
            found = numbers(inputs.carried, name)
            assert found == sorted(set(found)), "something came twice"


@virtual_time(HOUR)
async def test_a_file_that_is_played_once_gives_way_to_the_next() -> None:
    main = Source("main")
    jingle = Source("jingle", priority=2, on_demand=True, ends_after=20)
    silence = Source("silence", priority=3, on_demand=True)
    async with SwitchedInputs([main, jingle, silence]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(60)
        assert inputs.on_air == "silence"
        assert len(numbers(inputs.sent(), "jingle")) == 20
        main.works = True
        await asyncio.sleep(30)
        main.works = False
        await asyncio.sleep(60)
        assert runs(inputs.sent()) == ["main", "jingle", "silence", "main", "jingle", "silence"]
        assert -1 <= inputs.balance() <= 1.5


@virtual_time(HOUR)
async def test_another_format_is_a_new_epoch_and_the_return_is_a_further_one() -> None:
    main, other = Source("main"), Source("other", info=other_rate())
    async with SwitchedInputs([main, other]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(30)
        main.works = True
        await asyncio.sleep(30)
        rates = [epoch.info.format.sample_rate for epoch in inputs.store.epochs]
        assert rates == [44100, 48000, 44100]
        assert inputs.cuts() == []
        assert all(epoch.numbers[0] == 1 for epoch in inputs.store.epochs)


@virtual_time(HOUR)
async def test_an_input_that_never_came_is_not_waited_for() -> None:
    async with SwitchedInputs([Source("main", works=False), Source("backup")]) as inputs:
        await asyncio.sleep(PAUSE_SECONDS + 2)
        assert inputs.on_air == "backup"
        # All that it brought meanwhile goes along: the far ends have nothing yet.
        assert_ascending(numbers(inputs.sent(), "backup"))
        assert numbers(inputs.sent(), "backup")[0] == 1


@virtual_time(HOUR)
async def test_with_nothing_that_works_there_is_no_change() -> None:
    main, backup = Source("main"), Source("backup")
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(30.5)
        main.works = backup.works = False
        await asyncio.sleep(100)
        assert inputs.switch.switches == 0
        backup.works = True
        await asyncio.sleep(3)
        assert inputs.on_air == "backup"


@virtual_time(HOUR)
async def test_a_hole_is_waited_for_and_then_skipped() -> None:
    main = Source("main")
    async with SwitchedInputs([main, Source("backup")]) as inputs:
        await asyncio.sleep(10.5)
        missing = next(main.numbers)
        await asyncio.sleep(3)
        assert numbers(inputs.sent(), "main")[-1] == missing - 1
        main.bring(missing)
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert_ascending(numbers(inputs.sent(), "main"))
        assert inputs.cuts() == []
        next(main.numbers)
        await asyncio.sleep(10)
        assert inputs.cuts() == [f"main {missing + 5}"]
        assert numbers(inputs.sent(), "main")[-1] >= missing + 11


@virtual_time(HOUR)
async def test_what_an_operator_prefers_is_on_air_whenever_it_works() -> None:
    main, backup, spare = Source("main"), Source("backup"), Source("spare", return_seconds=10)
    async with SwitchedInputs([main, backup, spare]) as inputs:
        await asyncio.sleep(30.5)
        assert inputs.switcher.prefer("spare")
        await asyncio.sleep(30)
        assert inputs.on_air == "spare"
        spare.works = False
        await asyncio.sleep(30)
        assert inputs.on_air == "main"
        assert not inputs.switcher.prefer("spare"), "it has nothing to play; that it is preferred stays as it was"
        spare.works = True
        await asyncio.sleep(30)
        assert inputs.on_air == "spare"
        assert inputs.switcher.prefer(None)
        await asyncio.sleep(1)
        assert runs(inputs.sent()) == ["main", "spare", "main", "spare", "main"]
        heard = numbers(inputs.sent(), "main")
        assert heard == sorted(set(heard))
        assert abs(inputs.balance()) <= 2
