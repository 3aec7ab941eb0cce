"""A link that goes by TCP and has two connections, in virtual time."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

import pytest

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError
from distreamer.model.status import ModuleState
from distreamer.protocol.native.events import Event
from distreamer.protocol.native.messages import Want
from distreamer.protocol.native.sender import SenderRole
from distreamer.sessions.connection_pair import BESIDE_AFTER_SECONDS
from distreamer.sessions.pair_plan import FIRST, SECOND, PairPlan
from distreamer.sessions.path_choice import NOTHING
from distreamer.transport.quic import QuicMessages
from distreamer.transport.websocket import WebSocketMessages
from tests.support.narrow_link import NarrowNetwork
from tests.support.native_programme import fill
from tests.support.paired_connections import Network, paired
from tests.support.quic_network import Link
from tests.support.two_carriers import TwoCarriers, TwoReversedCarriers
from tests.support.virtual_time import virtual_time

BOTH_SIDES = pytest.mark.parametrize("side", [TwoCarriers, TwoReversedCarriers], ids=["receiver dials", "sender dials"])
ALONE = "the other side does not divide; one TCP connection is used"
TOLD = "two TCP connections are used for the link"
BEGUN_SECONDS = BESIDE_AFTER_SECONDS + 3.2


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_one_connection_stands_still_and_then_the_other_and_little_is_late(side: type[Network]) -> None:
    async with side(Store()) as network, paired(network) as pair:
        network.play()
        await asyncio.sleep(20.2)
        for connection in (pair.first, pair.second) * 4:
            await pair.stand_still(connection, 6)
            assert pair.link.connected
            assert pair.far_link.connected
            # So that it begins at another moment of the programme each time.
            await asyncio.sleep(4.37)
        network.fall_silent()
        await asyncio.sleep(3)
        assert list(pair.store) == list(network.source)
        assert pair.lateness() < 2.0
        assert pair.received.duplicates <= 8
        for link in (pair.link, pair.far_link):
            assert link.cuts == 0
            assert link.connected_seconds > 100
        assert pair.health.state is ModuleState.RUNNING
        assert "the link is down" not in pair.sentences()
        assert pair.sentences().count(TOLD) == 1


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_each_number_is_asked_of_one_of_them_and_people_see_one_link(side: type[Network]) -> None:
    async with side(Store()) as network, paired(network) as pair:
        network.play()
        await asyncio.sleep(60.2)
        assert len(network.dialled) == 2
        assert pair.received.duplicates == 0
        assert pair.received.fragments == pair.newest == 61
        assert min(pair.first.status().fragments, pair.second.status().fragments) > 20
        for link in (pair.link, pair.far_link):
            assert (link.path, link.connected, link.carries, link.cuts) == ("", True, True, 0)
        assert "path" not in pair.health.detail
        assert pair.sentences()[1:] == [TOLD]


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_while_quic_carries_there_is_no_second_one_and_when_it_comes_back_that_ends(side: type[Network]) -> None:
    async with side(Store()) as network, paired(network, with_quic=True) as pair:
        network.play()
        await asyncio.sleep(30.2)
        assert (pair.link.carrier, network.dialled) == ("quic", [])
        network.link.is_dark = True
        await asyncio.sleep(20)
        assert pair.second.is_heard
        assert pair.sentences().count(TOLD) == 1
        network.link.is_dark = False
        for _ in range(60):
            await asyncio.sleep(1)
            if pair.link.carrier == "quic":
                break
        await asyncio.sleep(2)
        assert pair.link.carrier == "quic"
        assert not pair.second.is_heard
        assert pair.far_link.connected
        dialled, received = len(network.dialled), pair.received
        await asyncio.sleep(60)
        assert len(network.dialled) == dialled
        assert pair.received.fragments == received.fragments + 60
        assert pair.received.cuts == received.cuts
        network.fall_silent()
        await asyncio.sleep(2)
        assert list(pair.store) == list(network.source)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_udp_that_comes_late_at_the_start_is_not_said_to_be_blocked(side: type[Network]) -> None:
    async with side(Store(), link=Link(is_dark=True)) as network, paired(network, with_quic=True) as pair:
        network.play()
        await asyncio.sleep(4)
        network.link.is_dark = False
        await asyncio.sleep(20)
        assert pair.link.carrier == "quic"
        assert len(network.dialled) == 1
        assert TOLD not in pair.sentences()


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_after_an_outage_all_is_back_as_soon_as_with_one(side: type[Network]) -> None:
    async with side(Store()) as network, paired(network) as pair:
        network.play()
        await asyncio.sleep(BEGUN_SECONDS)
        network.cut()
        await asyncio.sleep(15)
        assert not pair.link.connected
        assert pair.sentences().count("the link is down") == 1
        network.restore(old_ones_too=False)
        await asyncio.sleep(1.5)
        assert pair.link.connected
        assert pair.newest >= network.source.added - 1
        await asyncio.sleep(3)
        assert pair.second.is_heard
        assert pair.sentences().count("the link is back") == 1
        assert list(pair.store) == list(network.source)


@virtual_time(seconds_limit=60)
async def test_a_wrong_password_is_tried_once() -> None:
    async with TwoCarriers(Store(), password="right") as network:
        with pytest.raises(AuthenticationError):
            async with paired(network, password="wrong"):
                await asyncio.sleep(20)
        assert len(network.dialled) == 1


@virtual_time(seconds_limit=60)
async def test_a_password_that_is_changed_meanwhile_is_tried_once() -> None:
    async with TwoCarriers(Store(), password="right") as network:
        network.sessions = None

        async def story() -> None:
            async with paired(network, password="right"):
                network.play()
                await asyncio.sleep(BEGUN_SECONDS)
                assert len(network.dialled) == 2
                network.password = "changed"
                for carrier in network.carriers:
                    carrier.break_with("the server was started anew")
                await asyncio.sleep(10)

        with pytest.raises(AuthenticationError):
            await story()
        assert len(network.dialled) == 3


@pytest.mark.parametrize("rate", [17_600, 20_000], ids=["1.1 times the bitrate", "1.25 times"])
@virtual_time(seconds_limit=900)
async def test_a_thin_link_is_not_choked(rate: float) -> None:
    """Both connections share what it carries. Behind an outage of 15 s nothing comes twice."""
    async with NarrowNetwork(Store(), rate=rate) as network, paired(network) as pair:
        network.play()
        await asyncio.sleep(60.2)
        assert pair.second.is_heard
        assert pair.lateness(since=20) < 1.1
        network.cut()
        await asyncio.sleep(15)
        network.restore(old_ones_too=False)
        spare = rate / 16_000 - 1
        await asyncio.sleep(1.5 * 15 / spare)
        assert pair.newest >= network.source.added - 2
        assert pair.received.duplicates == 0
        network.fall_silent()
        await asyncio.sleep(5)
        assert list(pair.store) == list(network.source)


@BOTH_SIDES
@virtual_time(seconds_limit=900)
async def test_with_a_far_end_that_does_not_divide_one_connection_is_used(side: type[Network]) -> None:
    take_want = SenderRole._take_want

    def take_all(role: SenderRole, want: Want) -> list[Event]:
        return take_want(role, want.model_copy(update={"share": None}))

    with patch.object(SenderRole, "_take_want", take_all):
        async with side(Store()) as network, paired(network) as pair:
            network.play()
            await asyncio.sleep(60.2)
            assert pair.sentences()[1:] == [TOLD, ALONE]
            assert not pair.second.is_heard
            received = pair.received
            assert received.duplicates < 45
            await asyncio.sleep(60)
            assert len(network.dialled) == 2
            assert pair.received.fragments == received.fragments + 60
            assert pair.received.duplicates == received.duplicates


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_that_the_link_is_down_is_said_when_the_other_one_fails_too(side: type[Network]) -> None:
    async with side(Store()) as network, paired(network) as pair:
        network.play()
        await asyncio.sleep(20.2)
        still = asyncio.create_task(pair.stand_still(pair.first, 30))
        await asyncio.sleep(6)
        assert pair.link.connected
        assert pair.health.state is ModuleState.RUNNING
        assert pair.newest >= network.source.added - 1
        network.cut()
        await asyncio.sleep(6)
        assert not pair.link.connected
        assert pair.health.state is ModuleState.STARTING
        assert pair.sentences().count("the link is down") == 1
        await still
        await asyncio.sleep(3)
        assert pair.link.connected
        assert pair.health.state is ModuleState.RUNNING
        assert pair.sentences().count("the link is down") == 1
        assert pair.sentences().count("the link is back") == 1
        assert list(pair.store) == list(network.source)


@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_a_connection_that_another_takes_the_place_of_is_no_cut_of_the_link(side: type[Network]) -> None:
    async with side(Store()) as network, paired(network) as pair:
        network.play()
        await asyncio.sleep(20.2)
        for _ in range(3):
            for connection in (pair.first, pair.second):
                before = connection.session
                for carrier in network.carriers:
                    if before is not None and carrier.near_messages is before.stream:
                        carrier.cut()
                await asyncio.sleep(10)
                assert connection.session not in (None, before)
        for link in (pair.link, pair.far_link):
            assert link.cuts == 0
            assert link.connected_seconds > 75
        network.cut()
        await asyncio.sleep(10)
        network.restore(old_ones_too=False)
        await asyncio.sleep(10)
        for link in (pair.link, pair.far_link):
            assert link.cuts == 1
            assert 5 < link.connected_seconds < 11


@virtual_time(seconds_limit=900)
async def test_an_outage_of_quic_is_one_cut_where_there_once_were_two_connections() -> None:
    far = TwoReversedCarriers(Store(), link=Link(is_dark=True))
    async with far as network, paired(network, with_quic=True) as pair:
        network.play()
        await asyncio.sleep(20.2)
        assert pair.second.is_heard
        network.link.is_dark = False
        await asyncio.sleep(120)
        assert pair.link.carrier == "quic"
        assert not pair.second.is_heard
        before = pair.far_link.cuts
        network.link.is_dark = True
        network.cut()
        await asyncio.sleep(10)
        assert pair.far_link.connected_seconds == 0
        network.link.is_dark = False
        await asyncio.sleep(10)
        assert pair.far_link.connected
        assert pair.far_link.connected_seconds < 11
        assert pair.far_link.cuts == before + 1


@virtual_time(seconds_limit=60)
async def test_while_less_is_wanted_than_was_missed_one_brings_it_and_the_other_nothing() -> None:
    may_divide = True
    store = Store()
    fill(store, 5, 1, 3)
    plan = PairPlan(store, lambda: 30.0, lambda: may_divide, 0.0)
    first, second = plan.add(FIRST), plan.add(SECOND)
    for path in (first, second):
        path.newest = 5, 3
        plan.came(path, 0.0)
        plan.look(0.0)
        plan.asked(path, plan.share(path), 0.0)
    shares = [plan.share(path) for path in (first, second)]
    assert sorted(part for share in shares if share for part in share.parts) == list(range(16))
    may_divide = False
    plan.look(1.0)
    assert plan.to_ask(1.0) == [first, second]
    assert [plan.share(path) for path in (first, second)] == [None, NOTHING]
    assert [plan.carries(path) for path in (first, second)] == [True, False]
    # Who has everything to bring is silent: the other brings it.
    plan.went(first, 2.0, is_up=False)
    plan.look(2.0)
    assert plan.to_ask(2.0) == [second]
    assert plan.share(second) is None


def test_tcp_stands_still_and_quic_does_not() -> None:
    assert WebSocketMessages.kind.stands_still
    assert not QuicMessages.kind.stands_still
