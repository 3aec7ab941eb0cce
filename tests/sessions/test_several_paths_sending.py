"""A sender that dials by two paths, in virtual time, and the receiver that accepts them."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.store import Store
from distreamer.errors import LinkError
from distreamer.model.status import ModuleState
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.two_paths import sending
from tests.support.virtual_time import virtual_time

MODES = ("failover", "share", "duplicate")
LATE_SECONDS = 4.0


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_one_path_fails_and_then_the_other_and_nobody_notices(mode: str) -> None:
    source = Store()
    async with sending(mode, source) as sender:
        sender.first.play()
        await asyncio.sleep(10.2)
        for path in (sender.first, sender.second, sender.first):
            path.cut()
            await asyncio.sleep(20)
            path.restore()
            await asyncio.sleep(10)
        assert list(sender.store) == list(source)
        assert max(at - (number - 1) for number, at in sender.arrived.items()) < LATE_SECONDS
        assert sender.context.health.state is ModuleState.RUNNING
        assert sender.first.context.health.state is ModuleState.RUNNING
        assert sender.first.sentences().count("a sender connected") == 1
        assert "the link is down" not in sender.first.sentences()


@virtual_time(seconds_limit=600)
async def test_the_receiver_uses_them_as_the_sender_says() -> None:
    source = Store()
    async with sending("failover", source) as sender:
        sender.first.play()
        await asyncio.sleep(20.2)
        assert sender.brought() == [21, 0]
        for links in (sender.module.links(), sender.first.server.links()):
            assert [(link.connected, link.carries) for link in links] == [(True, True), (True, False)]
            assert [link.path for link in links] == ["to b1:1", "to b2:1"]
        words = "path to b1:1 carries; path to b2:1 stands by"
        assert sender.context.health.detail == words
        assert sender.first.context.health.detail == f"receives from 192.0.2.7: {words}"
        sender.first.cut()
        await asyncio.sleep(2.5)
        assert [link.carries for link in sender.first.server.links()] == [False, True]
        await asyncio.sleep(3)
        assert sender.module.links()[1].carries
        assert "path to b1:1: down for " in sender.first.context.health.detail
        assert sender.first.sentences().count("the path is down") == 1
        assert sender.store.newest() == source.newest()


@virtual_time(seconds_limit=600)
async def test_they_share_what_there_is() -> None:
    source = Store()
    async with sending("share", source) as sender:
        sender.first.play()
        await asyncio.sleep(40.2)
        assert sender.brought() == pytest.approx([20.5, 20.5], abs=2)
        assert [link.fragments for link in sender.module.links()] == sender.brought()


@virtual_time(seconds_limit=600)
async def test_when_both_were_dark_the_one_that_comes_back_brings_everything() -> None:
    source = Store()
    for mode in MODES:
        async with sending(mode, source) as sender:
            sender.first.play(first=source.added + 1)
            await asyncio.sleep(20.2)
            sender.first.cut()
            sender.second.cut()
            await asyncio.sleep(40)
            assert "no path works" in sender.context.health.detail
            assert "was not heard for" in sender.first.context.health.detail
            sender.second.restore()
            await asyncio.sleep(9.9)
            assert sender.store.newest() == source.newest()
            numbers = [one.number for one in sender.store]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            sender.first.fall_silent()
            await asyncio.sleep(1)


@virtual_time(seconds_limit=600)
async def test_another_sender_takes_the_place_of_one_with_two_paths_and_the_other_way_round() -> None:
    source, other_source = Store(), Store()
    fill(source, 5, 1, 10)
    fill(other_source, 6, 1, 10)

    async def story() -> None:
        async with sending("failover", source) as sender:
            await asyncio.sleep(5)
            settings = DiStreamerRevClientSettings(serverurl="http://b1:1")
            other = DiStreamerRevClient(settings, output_context(other_source), sender.first.dial)
            running = asyncio.create_task(other.run())
            await asyncio.sleep(2)
            assert {one.epoch for one in sender.store} == {5, 6}
            assert [link.path for link in sender.first.server.links()] == [""]
            assert not any(link.connected for link in sender.module.links())
            # As its supervisor would do.
            again = asyncio.create_task(sender.module.run())
            await asyncio.sleep(2)
            assert "another sender has connected" in str(running.exception())
            assert [link.path for link in sender.first.server.links()] == ["to b1:1", "to b2:1"]
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)

    with pytest.raises(LinkError, match="another sender has connected"):
        await story()
