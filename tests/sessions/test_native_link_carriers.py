"""A side that dials by two kinds of carriers at once: QUIC where it works, TCP wherever it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from distreamer.core.store import Store
from distreamer.errors import LinkError
from distreamer.model.status import ModuleState
from distreamer.sessions.carrier_rules import HEAD_START_SECONDS
from tests.support.native_programme import fill
from tests.support.quic_network import Link
from tests.support.two_carriers import Caller, TwoCarriers, TwoReversedCarriers, calling
from tests.support.virtual_time import virtual_time

Network = TwoCarriers | TwoReversedCarriers
BOTH_SIDES = pytest.mark.parametrize("side", [TwoCarriers, TwoReversedCarriers], ids=["receiver dials", "sender dials"])


async def when(condition: Callable[[], bool], seconds: float) -> float:
    """Waits until ``condition`` holds; gives the moment."""
    loop = asyncio.get_running_loop()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return loop.time()
        await asyncio.sleep(0.01)
    raise AssertionError(f"it did not come to that within {seconds} s")


async def everything_is_there(caller: Caller, seconds: float = 10) -> None:
    caller.network.fall_silent()
    await when(lambda: list(caller.store) == list(caller.network.source), seconds)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_where_quic_works_nothing_else_is_opened(side: type[Network]) -> None:
    async with side(Store(), password="secret") as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(20)
        assert caller.link.connected
        assert caller.link.carrier == "quic"
        assert network.dialled == []
        assert len(network.quic.dialled) == 1
        assert caller.link.rtt_seconds == pytest.approx(0.1, abs=0.05)
        await everything_is_there(caller)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_where_udp_is_blocked_that_costs_the_head_start_and_no_more(side: type[Network]) -> None:
    loop = asyncio.get_running_loop()
    async with side(Store()) as network:
        caller = Caller(network)
        begun = loop.time()
        alone = asyncio.create_task(caller.module._pair.first.run(network.dial))
        usual = await when(lambda: caller.link.connected, 5) - begun
        alone.cancel()
        await asyncio.gather(alone, return_exceptions=True)
    async with side(Store(), link=Link(is_dark=True)) as network:
        begun = loop.time()
        async with calling(network) as caller:
            network.play()
            assert await when(lambda: caller.link.connected, 5) - begun == pytest.approx(
                usual + HEAD_START_SECONDS, abs=0.02
            )
            assert caller.link.carrier == "memory"
            await asyncio.sleep(30)
            assert caller.link.cuts == 0
            # It is tried again, from time to time.
            assert len(network.dialled) == 1
            assert len(network.quic.dialled) == 3
            await everything_is_there(caller)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_quic_that_works_later_takes_over_and_that_is_no_cut(side: type[Network]) -> None:
    async with side(Store(), link=Link(is_dark=True)) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(4)
        assert caller.link.carrier == "memory"
        network.link.is_dark = False
        await when(lambda: caller.link.carrier == "quic", 2)
        await asyncio.sleep(20)
        assert caller.link.connected
        assert caller.link.cuts == 0
        assert caller.sentences().count("the link has a better carrier now") == 1
        assert "the link is down" not in caller.sentences()
        await everything_is_there(caller)
        links = network.receivers.links() if isinstance(network, TwoCarriers) else network.server.links()
        assert [(link.connected, link.carrier, link.cuts) for link in links] == [(True, "quic", 0)]


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_udp_that_is_blocked_in_the_middle_is_left_for_tcp_at_once(side: type[Network]) -> None:
    async with side(Store()) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(10.2)
        network.link.is_dark = True
        blocked_at = asyncio.get_running_loop().time()
        assert await when(lambda: caller.link.carrier == "memory", 5) - blocked_at < 2.5
        await asyncio.sleep(2)
        assert caller.lag <= 1
        assert caller.link.connected
        # When it works again it is used again.
        network.link.is_dark = False
        await when(lambda: caller.link.carrier == "quic", 60)
        await asyncio.sleep(5)
        assert caller.link.cuts <= 1
        await everything_is_there(caller)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_udp_that_only_comes_and_does_not_go_is_left_too(side: type[Network]) -> None:
    """Packets from the other side still arrive: it asks again and again whether anyone is there."""
    async with side(Store()) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(10.2)
        network.link.dark_up = True
        blocked_at = asyncio.get_running_loop().time()
        assert await when(lambda: caller.link.carrier == "memory", 10) - blocked_at < 5
        await asyncio.sleep(2)
        assert caller.lag <= 1
        await everything_is_there(caller)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_a_path_that_swallows_large_packets_never_gets_quic(side: type[Network]) -> None:
    async with side(Store(), link=Link(largest=1_100)) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(30)
        assert caller.link.carrier == "memory"
        assert caller.lag <= 1
        await everything_is_there(caller)


def swallow(link: Link) -> None:
    """Small packets still come through: nothing is ever silent."""
    link.largest = 1_100


def throttle(link: Link) -> None:
    """Half of the bitrate, and what is more is dropped."""
    link.rate, link.queue = 8_000, 2_600


@pytest.mark.parametrize("spoil", [swallow, throttle])
@BOTH_SIDES
@virtual_time(seconds_limit=900)
async def test_quic_that_is_alive_and_brings_too_little_is_left_for_tcp(
    side: type[Network], spoil: Callable[[Link], None]
) -> None:
    async with side(Store()) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(10.2)
        spoil(network.link)
        spoilt_at = asyncio.get_running_loop().time()
        # Less than a listener's buffer holds by default.
        assert await when(lambda: caller.link.carrier == "memory", 60) - spoilt_at < 22
        assert caller.lag <= 17
        await asyncio.sleep(5)
        assert caller.lag <= 1
        assert caller.link.cuts == 0
        assert "the carrier was too slow and was replaced" in caller.sentences()
        # It is not tried again soon.
        network.quic.dialled.clear()
        await asyncio.sleep(50)
        assert network.quic.dialled == []
        assert caller.link.carrier == "memory"
        await everything_is_there(caller)


@pytest.mark.timeout(900)  # of work: a slow machine takes some minutes
@virtual_time(seconds_limit=2_000)
async def test_where_both_are_too_thin_the_kind_is_changed_more_and_more_rarely() -> None:
    source = Store()
    fill(source, 5, 1, 3, size=16_000)
    link = Link(rate=10_000, queue=20_000)
    network = TwoCarriers(source, latency_seconds=0.4, capacity=4_096, link=link)
    async with network, calling(network) as caller:
        network.play(first=4)
        changes, carrier = 0, ""
        for _ in range(900):
            await asyncio.sleep(1)
            changes += carrier != caller.link.carrier
            carrier = caller.link.carrier
        assert caller.link.connected
        assert 2 <= changes <= 14
        # Most of what the link can carry is audio.
        assert len(caller.store) > 0.5 * 900 * 10_000 / 16_000


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_a_dark_carrier_is_told_as_down_once_and_as_back_once(side: type[Network]) -> None:
    async with side(Store()) as network, calling(network, without_tcp=True) as caller:
        network.play()
        await asyncio.sleep(10.2)
        assert caller.health.state is ModuleState.RUNNING
        network.link.is_dark = True
        await asyncio.sleep(2.0)
        assert caller.link.connected
        await asyncio.sleep(2.5)
        assert not caller.link.connected
        assert caller.link.connected_seconds == 0
        assert caller.link.silent_seconds == pytest.approx(4.5, abs=1.0)
        assert caller.health.state is ModuleState.STARTING
        await asyncio.sleep(9)
        other = network.receivers.links()[0] if isinstance(network, TwoCarriers) else network.server.links()[0]
        assert not other.connected
        network.link.is_dark = False
        await asyncio.sleep(1.5)
        assert caller.link.connected
        assert caller.lag <= 12
        await asyncio.sleep(8)
        other = network.receivers.links()[0] if isinstance(network, TwoCarriers) else network.server.links()[0]
        assert other.connected
        assert caller.health.state is ModuleState.RUNNING
        assert caller.link.cuts == 1
        assert caller.sentences().count("the link is down") == 1
        assert caller.sentences().count("the link is back") == 1
        await everything_is_there(caller)


@virtual_time(seconds_limit=600)
async def test_over_a_satellite_nothing_is_raced_for_nothing() -> None:
    network = TwoCarriers(Store(), latency_seconds=0.6, link=Link(delay=0.6, loss=0.02))
    async with network, calling(network) as caller:
        network.play()
        await asyncio.sleep(10)
        network.dialled.clear()
        network.quic.dialled.clear()
        await asyncio.sleep(120)
        assert caller.link.carrier == "quic"
        assert network.dialled == []
        assert network.quic.dialled == []
        assert caller.link.cuts == 0
        await everything_is_there(caller)


@virtual_time(seconds_limit=600)
async def test_a_long_outage_leaves_no_heap_of_connections_on_either_side() -> None:
    async with TwoCarriers(Store(), link=Link(loss=0.1)) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(10)
        sent_before = sum(network.link.sent_bytes.values())
        network.link.is_dark = network.is_cut = True
        network.cut()
        await asyncio.sleep(40)
        # It does not fill the link while nobody knows whether there is one.
        assert sum(network.link.sent_bytes.values()) - sent_before < 40 * 20_000
        network.link.is_dark = False
        network.restore()
        await asyncio.sleep(1.5)
        assert caller.link.connected
        await asyncio.sleep(20)
        await everything_is_there(caller)
        await asyncio.sleep(100)
        assert network.quic.server.connections == 1
        assert len(network.conversations) == 1
        assert caller.link.carrier == "quic"


@virtual_time(seconds_limit=60)
async def test_where_only_quic_is_allowed_and_nobody_answers_the_reason_says_so() -> None:
    async with TwoCarriers(Store(), link=Link(is_dark=True)) as network:
        with pytest.raises(LinkError, match="far:1: no answer over QUIC"):
            await Caller(network, without_tcp=True).run()


@virtual_time(seconds_limit=60)
async def test_where_neither_answers_the_reason_is_that_of_tcp() -> None:
    async with TwoCarriers(Store(), refuses=True, link=Link(is_dark=True)) as network:
        with pytest.raises(LinkError, match="far:1: refused the connection"):
            await Caller(network).run()
