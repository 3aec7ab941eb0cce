"""A carrier that is watched, in memory and virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from distreamer.core.clock import LoopClock
from distreamer.core.ports import MessageStream
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, LinkError
from distreamer.measure.carrier_probe import CarrierProbe
from distreamer.measure.link_probe import AGENT, LinkTarget
from distreamer.measure.link_report import CarrierReport
from distreamer.protocol.native.events import PeerReport
from distreamer.protocol.native.handshake import Acceptor, Identity
from distreamer.sessions.native_receiver import ReceiverSession, Reception
from distreamer.sessions.native_side import Dial
from distreamer.transport.memory_messages import MemoryCarrier
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import SENDER_IDENTITY, fill
from tests.support.virtual_time import virtual_time

IDENTITY = Identity("probe-node", AGENT)


def source() -> Store:
    store = Store()
    fill(store, 5, 1, 60, 16_000)
    return store


@asynccontextmanager
async def watched(dial: Dial | None, password: str = "") -> AsyncIterator[CarrierProbe]:
    target = LinkTarget("far:1", "http://far:1", password)
    probe = CarrierProbe(dial, target, IDENTITY, LoopClock())
    task = asyncio.create_task(probe.run())
    try:
        yield probe
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@virtual_time()
async def test_a_clean_link() -> None:
    async with NativeNetwork(source(), latency_seconds=0.05, capacity=10_000) as network:
        network.play(first=61)
        async with watched(network.dial) as probe:
            await probe.reached(5)
            assert probe.is_reached
            probe.ask()
            await asyncio.sleep(60)
        figures = probe.figures()
        trips = figures.round_trips
        assert trips is not None
        assert trips.shortest == pytest.approx(0.1, abs=0.01)
        assert trips.count > 60
        assert figures.longest_silence_seconds <= 0.8
        assert (figures.breaks, figures.loss) == (0, None)
        assert figures.bitrate == pytest.approx(128_000, rel=0.01)
        assert figures.throughput == pytest.approx(10_000 * 8 / 0.05, rel=0.3), "what the link carries"
        assert probe.format == "128 kbit/s MP3, 44100 Hz, stereo"


@virtual_time()
async def test_only_a_quarter_of_the_programme_is_asked_for() -> None:
    async with NativeNetwork(source()) as network:
        network.play(first=61)
        async with watched(network.dial) as probe:
            await probe.reached(5)
            probe.ask()
            await asyncio.sleep(60)
            [session] = network.conversations
            assert session.role.acknowledged == pytest.approx((20 + 60) / 4, abs=2)


@virtual_time()
async def test_nothing_is_asked_for_until_it_is_told_to() -> None:
    async with NativeNetwork(source()) as network:
        network.play(first=61)
        async with watched(network.dial) as probe:
            await probe.reached(5)
            await asyncio.sleep(30)
            [session] = network.conversations
            assert session.role.sent == 0
        trips = probe.figures().round_trips
        assert trips is not None
        assert trips.count > 30


@virtual_time()
async def test_an_outage_is_the_worst_gap() -> None:
    async with NativeNetwork(source()) as network:
        network.play(first=61)
        async with watched(network.dial) as probe:
            await probe.reached(5)
            probe.ask()
            await asyncio.sleep(20)
            network.cut()
            await asyncio.sleep(6)
            network.restore()
            await asyncio.sleep(20)
        figures = probe.figures()
        assert figures.longest_silence_seconds == pytest.approx(6.5, abs=1.5)
        assert figures.breaks == 1
        assert CarrierReport("TCP", is_tried=True, fault="", figures=figures).worst_seconds >= 6


@virtual_time()
async def test_a_wrong_password_is_tried_once() -> None:
    async with NativeNetwork(source(), password="right") as network:
        async with watched(network.dial, "wrong") as probe:
            await probe.reached(5)
            assert isinstance(probe.fault, AuthenticationError)
            assert not probe.is_reached
            await asyncio.sleep(60)
        assert len(network.dialled) == 1


@virtual_time()
async def test_the_right_one() -> None:
    async with NativeNetwork(source(), password="right") as network, watched(network.dial, "right") as probe:
        await probe.reached(5)
        assert probe.is_reached
        assert probe.fault is None


@virtual_time()
async def test_one_that_receives_itself() -> None:
    clock = LoopClock()
    carrier = MemoryCarrier(latency_seconds=0.05)

    async def dial(timeout_seconds: float) -> MessageStream:
        return carrier.near_messages

    acceptor = Acceptor(SENDER_IDENTITY, None, "acceptor-nonce", None)
    reception = Reception(Store(), lambda: 0.0, PeerReport)
    receiver = ReceiverSession(carrier.far_messages, reception, clock, acceptor, lambda session: None)
    other = asyncio.create_task(receiver.run())
    async with watched(dial) as probe:
        await probe.reached(5)
        assert "only who sends can be probed" in str(probe.fault)
    await asyncio.gather(other, return_exceptions=True)


@virtual_time()
async def test_a_way_that_does_not_exist() -> None:
    async with NativeNetwork(source(), refuses=True) as network, watched(network.dial) as probe:
        await probe.reached(5)
        assert not probe.is_reached
        assert isinstance(probe.fault, LinkError)
        assert len(network.dialled) > 3


@virtual_time()
async def test_a_way_that_is_not_to_be_tried() -> None:
    async with watched(None) as probe:
        await probe.reached(5)
        assert not probe.is_tried
