"""What [GENERAL] says is followed by an instance that runs."""

from __future__ import annotations

import asyncio

from distreamer.model.status import PlayoutState
from tests.support.changing_instance import LiveSettings, ProbeSettings, configured, players_server, running
from tests.support.virtual_time import virtual_time

LIVE = ("input", LiveSettings())
SILENT = ("input", LiveSettings(works=False))
SERVED = ("output", players_server(timeout=0))


@virtual_time(3000)
async def test_history_is_what_it_says_from_now_on() -> None:
    two = ("input two", LiveSettings(url="http://two.example/"))
    async with running(configured(LIVE, two, ("output", ProbeSettings()), history=200)) as one:
        await asyncio.sleep(300)
        assert 198 < one.instance.store.seconds <= 200
        assert await one.become(configured(LIVE, two, ("output", ProbeSettings()), history=100)) == ["HISTORY changed"]
        assert 98 < one.instance.store.seconds <= 100
        assert await one.become(configured(LIVE, two, ("output", ProbeSettings()), history=400)) == ["HISTORY changed"]
        await asyncio.sleep(400)
        assert 398 < one.instance.store.seconds <= 400
        assert one.stage.events == [
            "output 1 begins",
            "input http://one.example/ begins",
            "input two http://two.example/ begins",
        ]


@virtual_time(3000)
async def test_the_stores_of_inputs_follow_history_too() -> None:
    inputs = LIVE, ("input two", LiveSettings(url="http://two.example/"))
    async with running(configured(LIVE, ("output", ProbeSettings()), history=200)) as one:
        await asyncio.sleep(300)
        await one.become(configured(*inputs, ("output", ProbeSettings()), history=100))
        await asyncio.sleep(300)
        for store in one.stores:
            assert 98 < store.seconds <= 100
        await one.become(configured(*inputs, ("output", ProbeSettings()), history=150))
        await asyncio.sleep(300)
        for store in one.stores:
            assert 148 < store.seconds <= 150


@virtual_time(3000)
async def test_another_delay_holds_from_the_next_start_and_listeners_stay_until_then() -> None:
    async with running(configured(LIVE, SERVED, delay=10)) as one:
        await asyncio.sleep(60)
        player = one.player()
        assert await one.become(configured(LIVE, SERVED, delay=30)) == [
            "DELAY changed",
            "who listens is as far behind live as before until the buffer fills anew",
        ]
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        status = one.instance.playout.status()
        assert status.delay_seconds == 30
        assert 8 < status.budget_seconds < 12
        await one.become(configured(SILENT, SERVED, delay=30))
        await asyncio.sleep(30)
        assert one.instance.playout.status().state is PlayoutState.DRY
        await one.become(configured(LIVE, SERVED, delay=30))
        await asyncio.sleep(60)
        assert 28 < one.instance.playout.status().budget_seconds < 32
        assert not player.transport.is_closed


@virtual_time(3000)
async def test_a_delay_that_nobody_waits_for_yet_is_taken_as_it_is() -> None:
    async with running(configured(LIVE, SERVED, delay=300)) as one:
        await asyncio.sleep(30)
        assert await one.become(configured(LIVE, SERVED, delay=5)) == ["DELAY changed"]
        await asyncio.sleep(2)
        assert one.instance.playout.status().state is PlayoutState.PLAYING


@virtual_time(3000)
async def test_filler_begins_and_ends_when_it_is_told_to() -> None:
    async with running(configured(LIVE, SERVED, filler="none")) as one:
        await asyncio.sleep(60)
        player = one.player()
        await one.become(configured(SILENT, SERVED, filler="none"))
        await asyncio.sleep(30)
        heard = len(player.transport.body)
        await asyncio.sleep(30)
        assert len(player.transport.body) == heard
        assert await one.become(configured(SILENT, SERVED)) == ["FILLER changed"]
        await asyncio.sleep(10)
        assert len(player.transport.body) > heard
        assert one.instance.playout.status().is_filling
        assert await one.become(configured(SILENT, SERVED, fillertitle="Patience")) == ["FILLERTITLE changed"]
        await asyncio.sleep(3)
        assert one.instance.playout.is_heard
        last = one.instance.playout.recent()[-1].fragment.title
        assert last is not None
        assert last.text == "Patience"
        await one.become(configured(SILENT, SERVED, filler="none"))
        heard = len(player.transport.body)
        await asyncio.sleep(30)
        assert len(player.transport.body) - heard < 2 * 16_000
        await one.become(configured(LIVE, SERVED, filler="none"))
        await asyncio.sleep(30)
        assert one.instance.playout.status().state is PlayoutState.PLAYING
        assert not player.transport.is_closed


@virtual_time(3000)
async def test_what_was_missed_is_played_or_not_as_it_says_then() -> None:
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(60)
        await one.become(configured(SILENT, SERVED, onreturn="continue", maxdelay=60))
        await asyncio.sleep(30)
        assert one.instance.playout.status().is_filling
        await one.become(configured(LIVE, SERVED, onreturn="live", maxdelay=60))
        await asyncio.sleep(30)
        assert 8 < one.instance.playout.status().budget_seconds < 12


@virtual_time(3000)
async def test_the_status_line_comes_as_often_as_it_says() -> None:
    def status_lines() -> int:
        return sum("kbit/s MP3 arrives" in line for line in one.stage.lines())

    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(600)
        assert status_lines() == 0
        assert await one.become(configured(LIVE, SERVED, statusseconds=10)) == ["STATUSSECONDS changed"]
        await asyncio.sleep(100.5)
        assert status_lines() == 10
        await one.become(configured(LIVE, SERVED, statusseconds=1000))
        await asyncio.sleep(100.5)
        assert status_lines() == 10
        await one.become(configured(LIVE, SERVED, statusseconds=50))
        await asyncio.sleep(100.5)
        assert status_lines() == 12
        await one.become(configured(LIVE, SERVED))
        await asyncio.sleep(600)
        assert status_lines() == 12


@virtual_time(3000)
async def test_fallbackafter_decides_anew_when_a_fallback_comes() -> None:
    two = ("input two", LiveSettings(url="http://two.example/"))
    async with running(configured(LIVE, two, ("output", ProbeSettings()), fallbackafter=100)) as one:
        await asyncio.sleep(60)
        await one.become(configured(SILENT, two, ("output", ProbeSettings()), fallbackafter=100))
        await asyncio.sleep(6)
        assert [status.on_air for status in one.instance.snapshot().inputs] == [True, False]
        await one.become(configured(SILENT, two, ("output", ProbeSettings()), fallbackafter=3))
        await asyncio.sleep(1)
        assert [status.on_air for status in one.instance.snapshot().inputs] == [False, True]


@virtual_time(3000)
async def test_fragments_are_as_long_as_the_input_says_now_and_it_is_not_restarted() -> None:
    async with running(configured(LIVE, ("output", ProbeSettings()))) as one:
        await asyncio.sleep(60)
        long = ("input", LiveSettings(fragmentseconds=5, fragmentsize=40_960))
        said = await one.become(configured(long, ("output", ProbeSettings())))
        # Receivers of DiStreamer 2 get fragments that are cut otherwise.
        assert said == ["[INPUT] took over FRAGMENTSECONDS, FRAGMENTSIZE", "[OUTPUT] was restarted"]
        await asyncio.sleep(60)
        assert one.stage.events == [
            "output 1 begins",
            "input http://one.example/ begins",
            "output 1 ends",
            "output 1 begins",
        ]
        newest = one.instance.store.newest()
        assert newest is not None
        assert newest.duration >= 5 * 44100
