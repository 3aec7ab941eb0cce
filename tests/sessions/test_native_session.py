"""One conversation on one carrier: how it ends, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from distreamer.core.clock import LoopClock
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, LinkError, PeerError
from distreamer.protocol.native.events import Ended, Event, FragmentReceived, Welcomed
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.messages import Ping, encode
from distreamer.protocol.native.wish import want_of
from distreamer.sessions.native_session import NativeSession, error_of
from distreamer.transport.memory_messages import MemoryCarrier
from tests.support.native_programme import Pair, fill, pair
from tests.support.virtual_time import VirtualTimeLoop, virtual_time

Handle = Callable[[Event], None]


def ignore(event: Event) -> None:
    del event


def sessions(
    carrier: MemoryCarrier, both: Pair, at_receiver: Handle = ignore, at_sender: Handle = ignore
) -> tuple[NativeSession, NativeSession]:
    """The receiver's, which dialled, and the sender's."""
    clock = LoopClock()
    return (
        NativeSession(carrier.near_messages, both.receiver, clock, at_receiver),
        NativeSession(carrier.far_messages, both.sender, clock, at_sender),
    )


@virtual_time(seconds_limit=60)
async def test_a_goodbye_is_heard_and_both_sides_close() -> None:
    carrier = MemoryCarrier(latency_seconds=0.1)
    near, far = sessions(carrier, pair(Store()))
    running = asyncio.gather(near.run(), far.run())
    await asyncio.sleep(1)
    near.end(GoodbyeCode.SPARE, "not needed")
    near.end(GoodbyeCode.SHUTDOWN, "said too late")
    at_receiver, at_sender = await running
    assert at_receiver == Ended(GoodbyeCode.SPARE, "not needed", by_peer=False)
    assert at_sender == Ended(GoodbyeCode.SPARE, "not needed", by_peer=True)
    assert carrier.near.closed
    assert carrier.far.closed


@virtual_time(seconds_limit=60)
async def test_a_session_that_is_cancelled_says_goodbye() -> None:
    carrier = MemoryCarrier(latency_seconds=0.1)
    near, far = sessions(carrier, pair(Store()))
    dialler = asyncio.create_task(near.run())
    acceptor = asyncio.create_task(far.run())
    await asyncio.sleep(1)
    dialler.cancel()
    assert await acceptor == Ended(GoodbyeCode.SHUTDOWN, "this side ends", by_peer=True)
    with pytest.raises(asyncio.CancelledError):
        await dialler
    assert carrier.near.closed


@virtual_time(seconds_limit=60)
async def test_a_carrier_that_breaks_is_the_link_s_fault_on_both_sides() -> None:
    carrier = MemoryCarrier()
    near, far = sessions(carrier, pair(Store()))
    running = asyncio.gather(near.run(), far.run(), return_exceptions=True)
    await asyncio.sleep(1)
    carrier.break_with("reset")
    assert [str(error) for error in await running] == ["far:1: reset", "near:1: reset"]


@virtual_time(seconds_limit=60)
async def test_a_sender_stuck_in_the_middle_of_a_message_is_ended_by_the_silence_and_does_not_hang() -> None:
    store = Store()
    fill(store, 5, 1, 20, size=30_000)
    both = pair(store)
    carrier = MemoryCarrier(capacity=10_000)

    def take(event: Event) -> None:
        if isinstance(event, Welcomed):
            both.receiver_role.ask(want_of(Store(), 30, 300))
        elif isinstance(event, FragmentReceived):
            carrier.cut()

    near, far = sessions(carrier, both, at_receiver=take)
    running = asyncio.gather(near.run(), far.run())
    ended = await running
    assert [one.code for one in ended] == [GoodbyeCode.SILENCE, GoodbyeCode.SILENCE]
    assert asyncio.get_running_loop().time() < 4.0
    assert carrier.near.closed
    assert carrier.far.closed


@virtual_time(seconds_limit=120)
async def test_a_machine_that_stands_still_is_no_silence_of_the_peer() -> None:
    carrier = MemoryCarrier(latency_seconds=0.1)
    near, far = sessions(carrier, pair(Store()))
    running = asyncio.gather(near.run(), far.run())
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    for seconds in (1.0, 2.4, 3.0, 10.0):
        await asyncio.sleep(2.2)
        loop.pass_time(seconds)
        await asyncio.sleep(0)
        assert not running.done()
    await asyncio.sleep(1)
    assert near.is_heard
    assert far.is_heard
    cut_at = loop.time()
    carrier.cut()
    assert [one.code for one in await running] == [GoodbyeCode.SILENCE, GoodbyeCode.SILENCE]
    assert loop.time() - cut_at < 4.0


@virtual_time(seconds_limit=60)
async def test_own_life_signs_go_out_however_much_comes_in() -> None:
    carrier = MemoryCarrier()
    pings: list[float] = []
    near, far = sessions(carrier, pair(Store()), at_sender=lambda event: pings.append(far_clock.now()))
    far_clock = LoopClock()

    async def babble() -> None:
        while True:
            await carrier.far_messages.send(encode(Ping(id=1)))
            await asyncio.sleep(0.01)

    running = asyncio.gather(near.run(), far.run())
    await asyncio.sleep(1)
    babbling = asyncio.create_task(babble())
    pings.clear()
    await asyncio.sleep(7)
    assert len(pings) == 10
    babbling.cancel()
    far.end(GoodbyeCode.SHUTDOWN, "over")
    await running


@virtual_time(seconds_limit=60)
async def test_a_defect_in_the_handler_is_not_taken_for_a_fault_of_the_link() -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError(str(event))

    carrier = MemoryCarrier()
    near, far = sessions(carrier, pair(Store()), at_receiver=broken)
    acceptor = asyncio.create_task(far.run())
    with pytest.raises(ExceptionGroup) as caught:
        await near.run()
    assert caught.group_contains(ZeroDivisionError)
    assert carrier.near.closed
    assert (await acceptor).by_peer


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (GoodbyeCode.AUTHENTICATION, AuthenticationError),
        (GoodbyeCode.VERSION, PeerError),
        (GoodbyeCode.ROLE, PeerError),
        (GoodbyeCode.PROTOCOL, PeerError),
        (GoodbyeCode.UNSUPPORTED, PeerError),
        (GoodbyeCode.SILENCE, LinkError),
        (GoodbyeCode.SHUTDOWN, LinkError),
        (GoodbyeCode.REPLACED, LinkError),
        (GoodbyeCode.SPARE, LinkError),
        (GoodbyeCode.BUSY, LinkError),
    ],
)
@pytest.mark.parametrize("by_peer", [True, False])
def test_every_goodbye_says_who_is_to_blame(
    code: GoodbyeCode, kind: type[LinkError | PeerError], by_peer: bool
) -> None:
    error = error_of(Ended(code, "for this reason", by_peer), "192.0.2.7:7080")
    assert type(error) is kind
    assert str(error).startswith("192.0.2.7:7080: ")
    stopped = "the program there was stopped" if by_peer and code is GoodbyeCode.SHUTDOWN else None
    assert (stopped or "for this reason") in str(error)
