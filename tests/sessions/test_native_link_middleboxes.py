"""A side that dials by two kinds of carriers, where something on the way lets them begin and then spoils them, or
answers in the place of the other side."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, OtherWireError
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.sessions.link_faults import OTHER_WIRE_SECONDS, REPLACED_SECONDS
from distreamer.sessions.native_receiver import ReceiverSession
from distreamer.transport.memory import Direction
from distreamer.transport.quic import QuicMessages
from tests.support.quic_network import Link, QuicNetwork
from tests.support.two_carriers import Caller, TwoCarriers, TwoReversedCarriers, calling
from tests.support.virtual_time import virtual_time

Network = TwoCarriers | TwoReversedCarriers
BOTH_SIDES = pytest.mark.parametrize("side", [TwoCarriers, TwoReversedCarriers], ids=["receiver dials", "sender dials"])


def swallow_after(quic: QuicNetwork, most_bytes: int) -> None:
    """A middlebox lets each flow of UDP begin, and nothing through behind its first bytes."""
    used: dict[tuple[str, int], int] = {}
    carry = quic.carry

    def limited(way: str, data: bytes, source: tuple[str, int], target: Any) -> None:
        client = source if way == "up" else tuple(target)
        used[client] = used.get(client, 0) + len(data)
        if used[client] <= most_bytes:
            carry(way, data, source, target)

    quic.carry = limited  # type: ignore[method-assign]


@pytest.mark.parametrize("most_bytes", [10_000, 60_000, 200_000])
@BOTH_SIDES
@virtual_time(seconds_limit=600)
async def test_where_each_flow_of_udp_soon_dies_tcp_carries(side: type[Network], most_bytes: int) -> None:
    async with side(Store(), password="secret") as network:
        swallow_after(network.quic, most_bytes)
        async with calling(network) as caller:
            network.play()
            for _ in range(300):
                await asyncio.sleep(1)
                assert caller.lag <= 5
            assert caller.link.carrier == "memory"
            # It is tried again more and more rarely.
            assert len(network.quic.dialled) <= 8
            assert [at for at in network.quic.dialled if at > 200] == []


@virtual_time(seconds_limit=300)
async def test_ghosts_of_a_sender_are_ended_when_it_comes_back() -> None:
    async with TwoReversedCarriers(Store()) as network:
        swallow_after(network.quic, 25_000)
        server: DiStreamerRevServer = network.server
        async with calling(network, without_tcp=True) as caller:
            network.play(size=4_000)
            most = 0
            for _ in range(2_000):
                await asyncio.sleep(0.1)
                [path] = server._senders._paths.values() or [None]
                most = max(most, len(path.sessions) if path else 0)
            assert len(network.quic.dialled) > 20
            assert most <= 5
            assert caller.lag <= 8


@virtual_time(seconds_limit=600)
async def test_a_page_that_answers_in_the_place_of_the_sender_is_not_taken_for_an_old_one() -> None:
    async with TwoCarriers(Store(), password="secret") as network:
        dial, is_portal = network.dial, False

        async def dial_through_portal(timeout_seconds: float) -> Any:
            if is_portal:
                raise OtherWireError("far:1", "answered 302")
            return await dial(timeout_seconds)

        network.dial = dial_through_portal  # type: ignore[method-assign]
        caller = Caller(network)
        running = asyncio.get_running_loop().create_task(caller.run())
        network.play()
        await asyncio.sleep(20)
        assert caller.link.carrier == "quic"
        network.link.is_dark = is_portal = True
        await asyncio.sleep(OTHER_WIRE_SECONDS / 2)
        assert not caller.link.connected
        network.link.is_dark = is_portal = False
        await asyncio.sleep(3)
        assert caller.link.connected
        # A sender that really has become an old one is believed, in the end.
        network.link.is_dark = is_portal = True
        with pytest.raises(OtherWireError, match="302"):
            await running


@virtual_time(seconds_limit=60)
async def test_udp_that_leads_to_another_machine_does_not_keep_tcp_away() -> None:
    async with TwoCarriers(Store(), password="secret") as network, TwoCarriers(Store(), password="other") as stranger:
        network.quic = stranger.quic
        async with calling(network) as caller:
            network.play()
            await asyncio.sleep(30)
            assert caller.link.connected
            assert caller.link.carrier == "memory"
            assert caller.lag <= 1


@virtual_time(seconds_limit=60)
async def test_a_password_that_is_wrong_over_both_is_wrong() -> None:
    async with TwoCarriers(Store(), password="secret") as network:
        caller = Caller(network)
        caller.module._pair.first._password = "other"
        with pytest.raises(AuthenticationError):
            await caller.run()


@virtual_time(seconds_limit=60)
async def test_what_was_said_on_the_carrier_before_may_come_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packet with the ``want`` over TCP is lost; before it is sent again QUIC has taken over."""
    async with TwoCarriers(Store(), password="secret", link=Link(is_dark=True)) as network:
        loop, take, taken = asyncio.get_running_loop(), ReceiverSession.take, list[ReceiverSession]()

        def take_and_lose(session: ReceiverSession) -> None:
            if not taken:
                carrier = network.carriers[-1]
                carrier.cut(Direction.TO_FAR)
                network.link.is_dark = False
                loop.call_later(0.6, carrier.restore, Direction.TO_FAR)
            taken.append(session)
            take(session)

        monkeypatch.setattr(ReceiverSession, "take", take_and_lose)
        async with calling(network) as caller:
            network.play()
            await asyncio.sleep(10)
            assert [type(session.session.stream) for session in taken][1:] == [QuicMessages]
            assert caller.link.carrier == "quic"
            assert caller.link.cuts == 0
            assert caller.lag <= 1
            [link] = network.receivers.links()
            assert (link.connected, link.carrier, link.cuts) == (True, "quic", 0)


@virtual_time(seconds_limit=60)
async def test_a_receiver_that_is_said_to_be_replaced_right_after_a_change_of_its_own_dials_again() -> None:
    """By a sender that took the word on the carrier before for the newer one."""
    async with TwoCarriers(Store(), link=Link(is_dark=True)) as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(4)
        network.link.is_dark = False
        await asyncio.sleep(REPLACED_SECONDS / 2)
        assert caller.link.carrier == "quic"
        for session in tuple(network.conversations):
            session.session.end(GoodbyeCode.REPLACED, "the receiver has taken another carrier")
        await asyncio.sleep(3)
        assert caller.link.connected
        assert caller.lag <= 1


@pytest.mark.parametrize("rate", [3_000, 8_000])
@BOTH_SIDES
@virtual_time(seconds_limit=900)
async def test_trying_a_throttled_quic_again_costs_little_of_the_buffer(side: type[Network], rate: int) -> None:
    async with side(Store(), password="secret") as network, calling(network) as caller:
        network.play()
        await asyncio.sleep(30)
        network.link.rate, network.link.queue = rate, 2 * rate
        await asyncio.sleep(30)
        assert caller.link.carrier == "memory"
        worst, tried = 0, set[str]()
        for _ in range(600):
            await asyncio.sleep(1)
            worst = max(worst, caller.lag)
            tried.add(caller.link.carrier)
        assert tried == {"memory", "quic"}
        assert worst <= 8


@virtual_time(seconds_limit=120)
async def test_a_sender_that_is_started_anew_again_and_again_is_nothing_against_quic() -> None:
    async with TwoCarriers(Store()) as network, calling(network) as caller:
        network.play()
        for _ in range(4):
            await asyncio.sleep(8)
            assert caller.link.carrier == "quic"
            for session in tuple(network.conversations):
                session.session.end(GoodbyeCode.SHUTDOWN, "this side ends")
        await asyncio.sleep(8)
        assert network.dialled == []
        assert caller.lag <= 1
