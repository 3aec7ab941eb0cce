"""Several inputs: who is on air when, what is spliced, and what listeners hear of it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from distreamer.core.input_switch import CUSHION_SECONDS
from distreamer.core.live_standby import PAUSE_SECONDS
from distreamer.model.status import PlayoutState
from tests.support.switched_inputs import Source, SwitchedInputs, other_rate
from tests.support.virtual_time import virtual_time

HOUR = 3600


def runs(sent: list[str]) -> list[str]:
    """The names in ``sent``, one for each row of fragments of the same input."""
    names = [one.rpartition(" ")[0] for one in sent]
    return [name for before, name in pairwise(["", *names]) if name != before]


def numbers(sent: list[str], name: str) -> list[int]:
    return [int(one.rpartition(" ")[2]) for one in sent if one.startswith(name + " ")]


def assert_ascending(found: list[int]) -> None:
    assert found == list(range(found[0], found[0] + len(found)))


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


# -- where something is played: at the last moment


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
