"""What the operator asks for while listeners listen."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.config.settings import InputSettings
from distreamer.errors import ResourceError
from distreamer.runtime import commands
from distreamer.runtime.plain_words import status_sentence
from tests.support.changing_instance import (
    LiveSettings,
    MadeSettings,
    ProbeSettings,
    configured,
    players_server,
    running,
)
from tests.support.virtual_time import virtual_time

LIVE = ("input", LiveSettings())
BACKUP = ("input backup", MadeSettings(priority=2))
SPARE = ("input spare", LiveSettings(priority=3))
PLAYERS = ("output", players_server())


@pytest.mark.parametrize("inputs", [[LIVE], [LIVE, BACKUP]])
@virtual_time(600)
async def test_an_input_begins_anew_and_nobody_hears_it(inputs: list[tuple[str, InputSettings]]) -> None:
    async with running(configured(*inputs, PLAYERS)) as station:
        await asyncio.sleep(20)
        player = station.player()
        for _ in range(3):
            assert await commands.restart_input(station.instance, "input") == "[INPUT] was restarted"
            await asyncio.sleep(20)
        begins = [event for event in station.stage.events if event == "input http://one.example/ begins"]
        assert len(begins) == 4
        player.assert_unbroken(60)
        assert len(station.instance.store.epochs) == 1


@virtual_time(600)
async def test_a_restart_waits_for_a_configuration_that_is_being_exchanged() -> None:
    async with running(configured(LIVE, PLAYERS)) as station:
        await asyncio.sleep(5)
        async with station.instance.changing:
            restart = asyncio.create_task(commands.restart_input(station.instance, "input"))
            await asyncio.sleep(5)
            assert not restart.done()
        assert await restart == "[INPUT] was restarted"


@virtual_time(600)
async def test_titles_are_the_business_of_inputs_that_have_their_own() -> None:
    async with running(configured(LIVE, PLAYERS)) as station:
        station.instance.inputs[0].health.starting("connects")
        with pytest.raises(ResourceError, match="input brings no audio that could have a title"):
            commands.set_title(station.instance, "News")
        station.instance.inputs[0].health.running("receives")
        commands.set_title(station.instance, "News")
        await asyncio.sleep(30)
        assert (title := station.instance.snapshot().store.title) is not None
        assert title.text == "News"


@virtual_time(60)
async def test_only_servers_of_players_know_their_listeners() -> None:
    async with running(configured(LIVE, ("output", ProbeSettings()))) as station:
        with pytest.raises(ResourceError, match="output is a Probe, which does not know its listeners one by one"):
            commands.listeners(station.instance.outputs[0])


@virtual_time(600)
async def test_an_operator_puts_another_input_on_air_and_back() -> None:
    async with running(configured(LIVE, SPARE, PLAYERS)) as station:
        await asyncio.sleep(20)
        player = station.player()
        said = await commands.prefer_input(station.instance, "input spare")
        assert said == "input spare goes on air, and is preferred"
        assert station.instance.input_on_air.name == "input spare"
        await asyncio.sleep(60)
        assert station.instance.input_on_air.name == "input spare", "the one that is configured as better must wait"
        chosen = station.instance.snapshot().inputs[0]
        assert (chosen.name, chosen.chosen, chosen.on_air) == ("input spare", True, True)
        assert "comes from input spare, which an operator prefers, " in status_sentence(station.instance.snapshot())
        await commands.prefer_input(station.instance, None)
        await asyncio.sleep(30)
        first, second = station.instance.snapshot().inputs
        assert (first.name, first.on_air, second.chosen) == ("input", True, False)
        player.assert_unbroken(98)


@virtual_time(600)
async def test_only_an_input_that_could_play_is_put_on_air() -> None:
    async with running(configured(LIVE, PLAYERS)) as station:
        await asyncio.sleep(5)
        with pytest.raises(ResourceError, match="input is the only input"):
            await commands.prefer_input(station.instance, "input")
