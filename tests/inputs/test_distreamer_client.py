"""The settings of a DiStreamerClient, and what it tells the sender of the buffer here. Outages: test_native_link."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from pydantic import ValidationError

from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from tests.support.input_context import input_context
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import fill
from tests.support.virtual_time import virtual_time


def test_a_distreamer_2_section_is_taken_as_it_is() -> None:
    settings = DiStreamerClientSettings(
        serverurl="http://studio.example:7080", httptimeout=5, httpinterval=3, password="radio-söndag"
    )
    assert settings.tlsverify
    assert "radio-söndag" not in repr(settings)


@pytest.mark.parametrize(
    "wrong", ["", "studio.example:7080", "ftp://a", "http://a:99999", "http://a/?q", "http://a/#f"]
)
def test_an_address_that_cannot_work_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        DiStreamerClientSettings(serverurl=wrong)


@pytest.mark.parametrize(
    ("url", "peer"),
    [("http://studio.example:7080/", "studio.example:7080"), ("https://user:pw@[::1]:7443/a/b", "[::1]:7443")],
)
async def test_the_peer_is_named_without_credentials(url: str, peer: str) -> None:
    client = DiStreamerClient(DiStreamerClientSettings(serverurl=url), input_context())
    [link] = client.links()
    assert link.peer == peer
    assert not link.connected
    assert client.listeners() is None


@virtual_time(seconds_limit=300)
async def test_the_sender_knows_how_long_the_link_may_be_down() -> None:
    source = Store()
    fill(source, 5, 1, 100)
    async with NativeNetwork(source) as network:
        context = input_context()
        playout = PlayoutHead(context.store, context.clock, lambda info: 25.0)
        client = DiStreamerClient(
            DiStreamerClientSettings(serverurl="http://far:1"), replace(context, playout=playout), network.dial
        )
        receiving = asyncio.create_task(client.run())
        await asyncio.sleep(2)
        # Nothing plays yet: nobody could hear an outage.
        assert network.receivers.sentence() == "1 receiver: 192.0.2.7 is connected"
        playing = asyncio.create_task(playout.run())
        network.play(first=101)
        await asyncio.sleep(10)
        [link] = network.receivers.links()
        assert link.peer_budget_seconds == pytest.approx(25, abs=2)
        assert network.receivers.sentence().startswith("1 receiver: 192.0.2.7 can lose the link for 2")
        network.fall_silent()
        await asyncio.sleep(10)
        [link] = network.receivers.links()
        assert link.peer_budget_seconds == pytest.approx(15, abs=2)
        await asyncio.sleep(30)
        assert network.receivers.sentence() == "1 receiver: 192.0.2.7 can lose the link for 0 s"
        for task in (receiving, playing):
            task.cancel()
        await asyncio.gather(receiving, playing, return_exceptions=True)
