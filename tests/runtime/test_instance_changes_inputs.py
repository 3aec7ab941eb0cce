"""An instance gets other kinds of inputs: what its store holds goes on, and nobody asks twice for the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from unittest.mock import patch

from distreamer.config.settings import InputSettings
from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.runtime.modules import INPUTS, InputMode
from tests.support.changing_instance import (
    ChangingInstance,
    LiveSettings,
    MadeSettings,
    configured,
    players_server,
    running,
)
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import fill, fragment
from tests.support.virtual_time import virtual_time

SERVED = ("output", players_server())
LINK = DiStreamerClientSettings(mode="DiStreamerClient", serverurl="http://far:1")
FAR = ("input", LINK)
MADE = ("input two", MadeSettings())
EPOCH = 5
SIZE = 2_000


@asynccontextmanager
async def linked(*inputs: tuple[str, InputSettings]) -> AsyncIterator[ChangingInstance]:
    """An instance whose DiStreamerClients reach a sender that has held its programme for a while."""
    source = Store()
    fill(source, EPOCH, 1, 100, SIZE)
    async with NativeNetwork(source) as network:
        network.play(EPOCH, 101, SIZE)
        client = InputMode(DiStreamerClientSettings, partial(DiStreamerClient, dial=network.dial))
        with patch.dict(INPUTS, {"DiStreamerClient": client}):
            async with running(configured(*inputs, SERVED)) as one:
                yield one


def assert_unbroken(body: bytes, seconds: int) -> None:
    """``body`` is a run of the sender's fragments."""
    count = len(body) // SIZE
    assert count >= seconds
    first = int.from_bytes(body[8:16], "big")
    assert body == b"".join(fragment(EPOCH, first + index, SIZE).audio for index in range(count))


@virtual_time(600)
async def test_a_lone_link_gets_a_fallback_and_loses_it_again() -> None:
    async with linked(FAR) as one:
        await asyncio.sleep(30)
        player = one.player()
        said = await one.become(configured(FAR, MADE, SERVED))
        assert said == ["[INPUT] was restarted", "[INPUT two] was added"]
        await asyncio.sleep(30)
        assert_unbroken(player.transport.body, 30)
        # The sender's names stay with the link; what is sent on has names of its own.
        assert [epoch.id == EPOCH for epoch in one.instance.store.epochs] == [True, False]
        assert await one.become(configured(FAR, SERVED)) == ["[INPUT two] was removed"]
        await asyncio.sleep(30)
        assert_unbroken(player.transport.body, 60)
        other = ("input", LINK.model_copy(update={"serverurl": "http://far:2"}))
        assert await one.become(configured(other, SERVED)) == ["[INPUT] was restarted (SERVERURL)"]
        await asyncio.sleep(30)
        assert_unbroken(player.transport.body, 90)
        assert not player.transport.is_closed
        assert len(one.instance.store.epochs) == 2


@virtual_time(600)
async def test_a_lone_link_goes_another_way_and_nothing_comes_twice() -> None:
    async with linked(FAR) as one:
        await asyncio.sleep(30)
        player = one.player()
        await one.become(configured(("input", LINK.model_copy(update={"serverurl": "http://far:2"})), SERVED))
        await asyncio.sleep(30)
        assert_unbroken(player.transport.body, 30)
        assert [epoch.id for epoch in one.instance.store.epochs] == [EPOCH]
        assert one.instance.store.duplicates == 0


@virtual_time(600)
async def test_another_mode_takes_the_place_of_the_lone_input() -> None:
    async with linked(("input", MadeSettings())) as one:
        await asyncio.sleep(60)
        player = one.player()
        held = one.instance.playout.status().budget_seconds
        for settings in (LiveSettings(), MadeSettings(), LINK):
            assert await one.become(configured(("input", settings), SERVED)) == ["[INPUT] was restarted (MODE)"]
            await asyncio.sleep(60)
            assert not player.transport.is_closed
        status = one.instance.playout.status()
        assert status.dry_times == 0
        # What made its audio at once, as much as is wanted at a start, gave no more than was missing.
        assert one.instance.store.epochs[0].id != EPOCH
        assert status.budget_seconds - held < LINK_HISTORY_SECONDS


LINK_HISTORY_SECONDS = 20.0
"""A link brings DELAY and 5 s of history that its new receiver never held."""


@virtual_time(600)
async def test_an_input_that_makes_its_audio_gives_only_what_is_missing_when_it_is_restarted() -> None:
    async with linked(("input", MadeSettings())) as one:
        await asyncio.sleep(60)
        held = one.instance.playout.status().budget_seconds
        for number in range(5):
            await one.become(configured(("input", MadeSettings(path=f"{number}.mp3")), SERVED))
            await asyncio.sleep(10)
        assert abs(one.instance.playout.status().budget_seconds - held) < 2


@virtual_time(600)
async def test_one_of_several_becomes_another_kind() -> None:
    async with linked(("input", MadeSettings()), MADE) as one:
        await asyncio.sleep(60)
        player = one.player()
        said = await one.become(configured(("input", LiveSettings(return_=3)), MADE, SERVED))
        assert said == ["[INPUT] was restarted (MODE)"]
        await asyncio.sleep(1)
        assert [status.on_air for status in one.instance.snapshot().inputs] == [False, True]
        await asyncio.sleep(30)
        assert [status.on_air for status in one.instance.snapshot().inputs] == [True, False]
        assert not player.transport.is_closed
        assert one.instance.playout.status().dry_times == 0


@virtual_time(600)
async def test_titles_of_a_source_that_is_gone_do_not_stay() -> None:
    async with linked(("input", LiveSettings())) as one:
        await asyncio.sleep(30)
        await one.become(configured(("input", MadeSettings(title="")), SERVED))
        await asyncio.sleep(5)
        newest = one.instance.store.newest()
        assert newest is not None
        assert newest.last_title is not None
        assert newest.last_title.text == ""


@virtual_time(600)
async def test_a_lone_input_keeps_its_title_when_it_becomes_one_of_several() -> None:
    untold = LiveSettings(title="")
    async with linked(("input", LiveSettings())) as one:
        await asyncio.sleep(30)
        # It is restarted, and its source does not say again what is on air.
        await one.become(configured(("input", untold), MADE, SERVED))
        await asyncio.sleep(10)
        for store in (one.instance.store, one.stores[0]):
            newest = store.newest()
            assert newest is not None
            assert newest.last_title is not None
            assert newest.last_title.text == LiveSettings().url


@virtual_time(600)
async def test_several_take_over_from_a_lone_input_of_another_name() -> None:
    async with linked(("input", MadeSettings())) as one:
        await asyncio.sleep(60)
        player = one.player()
        said = await one.become(configured(("input one", LiveSettings()), MADE, SERVED))
        assert said == ["[INPUT one] was added", "[INPUT two] was added", "[INPUT] was removed"]
        await asyncio.sleep(60)
        assert not player.transport.is_closed
        assert len(one.instance.store.epochs) == 1
        assert one.instance.playout.status().dry_times == 0
