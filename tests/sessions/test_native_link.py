"""A receiver that dials through outages, in virtual time: what arrives, how soon, and what is raised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, LinkError, PeerError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.status import ModuleState
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.resumption import SessionTable
from distreamer.transport.memory import Direction
from distreamer.transport.memory_messages import FramedMessages, MemoryCarrier
from tests.support.input_context import input_context
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import fill
from tests.support.virtual_time import virtual_time

OUTAGE_RETURN_SECONDS = 1.5


class Receiver:
    """PC B: a client that runs, and what its store holds."""

    def __init__(self, network: NativeNetwork, password: str = "") -> None:
        self.network = network
        self.context = input_context()
        self.store = self.context.store
        options = DiStreamerClientSettings(serverurl="http://far:1/", password=password)
        self.client = DiStreamerClient(options, self.context, network.dial)

    @property
    def newest(self) -> int:
        found = self.store.newest()
        return found.number if found else 0

    async def caught_up(self) -> None:
        """Waits until the newest of what the source holds is here."""
        changed = asyncio.Event()
        unsubscribe = self.store.subscribe(changed.set)
        while self.store.newest() != self.network.source.newest():
            changed.clear()
            await changed.wait()
        unsubscribe()


@asynccontextmanager
async def running(network: NativeNetwork, password: str = "") -> AsyncIterator[Receiver]:
    receiver = Receiver(network, password)
    task = asyncio.get_running_loop().create_task(receiver.client.run())
    try:
        yield receiver
    finally:
        if task.done():
            await task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@virtual_time(seconds_limit=600)
async def test_the_history_comes_at_once_and_new_fragments_as_they_exist() -> None:
    source = Store()
    fill(source, 5, 1, 100, size=16_000)
    async with NativeNetwork(source, password="secret") as network, running(network, "secret") as receiver:
        await receiver.caught_up()
        assert network.clock.now() < 2.0
        assert [one.number for one in receiver.store] == list(range(70, 101))
        network.play(first=101)
        await asyncio.sleep(20.5)
        assert list(receiver.store) == [one for one in source if one.number >= 70]
        assert receiver.context.health.state is ModuleState.RUNNING
        [link] = receiver.client.links()
        assert link.connected
        assert link.cuts == 0
        assert link.duplicates == 0
        assert link.rtt_seconds == pytest.approx(0.1, abs=0.02)
        assert len(network.dialled) == 1


@pytest.mark.parametrize("seconds", [2.0, 5.0, 10.3, 19.0, 60.0])
@pytest.mark.parametrize("old_ones_too", [True, False], ids=["the old connection revives", "it is dead for ever"])
@virtual_time(seconds_limit=600)
async def test_after_an_outage_nothing_is_missing_and_the_first_new_fragment_comes_soon(
    seconds: float, old_ones_too: bool
) -> None:
    async with NativeNetwork(Store()) as network, running(network) as receiver:
        network.play()
        await asyncio.sleep(10.2)
        assert receiver.newest == 11
        network.cut()
        await asyncio.sleep(seconds)
        before = receiver.newest
        network.restore(old_ones_too=old_ones_too)
        await asyncio.sleep(OUTAGE_RETURN_SECONDS)
        assert receiver.newest > before
        await asyncio.sleep(5)
        await receiver.caught_up()
        assert list(receiver.store) == list(network.source)
        assert network.most_dialling <= 4
        assert len(network.dialled) <= 3 + seconds / 0.7
        # What was on its way when the link went dark may arrive twice, but no more than the window.
        assert receiver.client.links()[0].duplicates <= 8


@virtual_time(seconds_limit=600)
async def test_on_a_satellite_a_session_that_goes_on_saves_a_round_trip() -> None:
    returned: list[float] = []
    for sessions in (SessionTable(), None):
        async with (
            NativeNetwork(Store(), password="secret", latency_seconds=0.3, sessions=sessions) as network,
            running(network, "secret") as receiver,
        ):
            network.play()
            await asyncio.sleep(10.2)
            network.cut()
            await asyncio.sleep(20.0)
            before = receiver.newest
            restored_at = network.clock.now()
            network.restore(old_ones_too=False)
            changed = asyncio.Event()
            receiver.store.subscribe(changed.set)
            while receiver.newest == before:
                changed.clear()
                await changed.wait()
            returned.append(network.clock.now() - restored_at)
    with_session, without = returned
    assert without - with_session == pytest.approx(0.6, abs=0.05)


@virtual_time(seconds_limit=600)
async def test_a_half_open_link_is_noticed_by_the_side_that_hears_nothing() -> None:
    async with NativeNetwork(Store()) as network, running(network) as receiver:
        network.play()
        await asyncio.sleep(5.2)
        network.cut(Direction.TO_NEAR)
        cut_at = network.clock.now()
        await asyncio.sleep(3.0)
        # A new connection was raced at once, and works.
        assert receiver.newest == 9
        assert network.ended[0][1] == "the receiver has taken another carrier"
        assert network.ended[0][0] - cut_at < 2.0
        await asyncio.sleep(1)
        assert list(receiver.store) == list(network.source)
        assert len(network.conversations) == 1
        assert [link.cuts for link in network.receivers.links()] == [1]


@virtual_time(seconds_limit=600)
async def test_a_short_silence_keeps_the_old_conversation() -> None:
    async with NativeNetwork(Store()) as network, running(network) as receiver:
        network.play()
        await asyncio.sleep(5.2)
        for carrier in network.carriers:
            carrier.cut()
        network.latency_seconds = 0.4
        await asyncio.sleep(1.3)
        for carrier in network.carriers:
            carrier.restore()
        await asyncio.sleep(5)
        assert len(network.dialled) == 2
        assert ("the conversation before it spoke again") in [reason for _, reason in network.ended]
        assert receiver.client.links()[0].cuts == 0
        assert receiver.client.links()[0].duplicates == 0
        assert len(network.conversations) == 1


@virtual_time(seconds_limit=600)
async def test_a_link_slower_than_the_programme_is_slow_and_not_dead() -> None:
    """64 kbit/s and half a second each way, for a programme of 128 kbit/s."""
    source = Store()
    fill(source, 5, 1, 40, size=16_000)
    async with NativeNetwork(source, latency_seconds=0.5, capacity=4096) as network, running(network) as receiver:
        network.play(first=41)
        await asyncio.sleep(5)
        dialled = len(network.dialled)
        await asyncio.sleep(55)
        assert len(network.dialled) == dialled
        assert receiver.client.links()[0].cuts == 0
        numbers = [one.number for one in receiver.store]
        # 60 s at 8 kB a second are 30 fragments less what headers and life signs take.
        assert 25 <= len(numbers) <= 30
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@virtual_time(seconds_limit=600)
async def test_the_sender_notices_a_receiver_that_vanished_after_two_and_a_half_seconds() -> None:
    async with NativeNetwork(Store()) as network, running(network):
        network.play()
        await asyncio.sleep(5.2)
        network.cut()
        await asyncio.sleep(2.3)
        assert network.ended == []
        await asyncio.sleep(0.9)
        assert [reason for _, reason in network.ended] == ["nothing was heard for 2.5 s"]
        assert [link.connected for link in network.receivers.links()] == [False]


@virtual_time(seconds_limit=600)
async def test_a_sender_that_ends_is_dialled_again_at_once() -> None:
    async with NativeNetwork(Store()) as network, running(network) as receiver:
        network.play()
        await asyncio.sleep(5.2)
        for conversation in network.conversations:
            conversation.session.end(GoodbyeCode.SHUTDOWN, "it ends")
        await asyncio.sleep(1.0)
        assert receiver.client.links()[0].connected
        assert receiver.client.links()[0].cuts == 1
        assert receiver.newest == 7


@pytest.mark.parametrize(("here", "there"), [("wrong", "right"), ("", "right"), ("right", "")])
@virtual_time(seconds_limit=60)
async def test_another_password_is_raised_at_once(here: str, there: str) -> None:
    async with NativeNetwork(Store(), password=there) as network:
        receiver = Receiver(network, here)
        with pytest.raises(AuthenticationError, match="PASSWORD"):
            await receiver.client.run()
        assert network.clock.now() < 1.0
        assert len(network.dialled) == 1


@virtual_time(seconds_limit=60)
async def test_a_password_that_changed_during_an_outage_is_raised_and_nothing_is_left_connected() -> None:
    async with NativeNetwork(Store(), password="old") as network:
        receiver = Receiver(network, "old")
        running_client = asyncio.create_task(receiver.client.run())
        await asyncio.sleep(3)
        assert receiver.client.links()[0].connected
        network.password = "new"
        # Another password is another module.
        network.sessions = SessionTable()
        for carrier in network.carriers:
            carrier.cut()
        with pytest.raises(AuthenticationError, match="PASSWORD"):
            await running_client
        assert network.clock.now() < 6
        assert not receiver.client.links()[0].connected
        assert receiver.client.links()[0].cuts == 1


@virtual_time(seconds_limit=60)
async def test_a_sender_that_was_never_reached_is_raised_after_ten_seconds_with_the_reason() -> None:
    async with NativeNetwork(Store(), refuses=True) as network:
        receiver = Receiver(network)
        with pytest.raises(LinkError, match="far:1: refused the connection"):
            await receiver.client.run()
        assert network.clock.now() == pytest.approx(10.0, abs=0.2)
        assert len(network.dialled) <= 16
        assert receiver.context.health.state is ModuleState.STARTING


@virtual_time(seconds_limit=600)
async def test_a_sender_that_is_away_for_long_is_tried_at_a_steady_pace_and_said_to_be_away() -> None:
    async with NativeNetwork(Store()) as network, running(network) as receiver:
        network.play()
        await asyncio.sleep(5.2)
        network.refuses = True
        for carrier in network.carriers:
            carrier.break_with("reset")
        network.dialled.clear()
        await asyncio.sleep(70)
        assert 90 <= len(network.dialled) <= 101
        assert receiver.context.health.state is ModuleState.STARTING
        assert "far:1 was not heard for 70 s" in receiver.context.health.detail
        network.refuses = False
        await asyncio.sleep(OUTAGE_RETURN_SECONDS)
        await receiver.caught_up()
        assert list(receiver.store) == list(network.source)


class Babbler(NativeNetwork):
    """Answers with something that is no message of the protocol."""

    async def dial(self, timeout_seconds: float) -> FramedMessages:
        carrier = MemoryCarrier(latency_seconds=self.latency_seconds)
        await carrier.far_messages.send(b"\x04\x00\x08GET / HT")
        return carrier.near_messages


@virtual_time(seconds_limit=60)
async def test_a_peer_that_breaks_the_rules_is_raised_by_name() -> None:
    async with Babbler(Store()) as network:
        with pytest.raises(PeerError, match="far:1"):
            await Receiver(network).client.run()


@virtual_time(seconds_limit=60)
async def test_after_a_failure_the_same_client_runs_again() -> None:
    source = Store()
    fill(source, 5, 1, 10)
    async with NativeNetwork(source, refuses=True) as network:
        receiver = Receiver(network)
        with pytest.raises(LinkError):
            await receiver.client.run()
        network.refuses = False
        task = asyncio.get_running_loop().create_task(receiver.client.run())
        await asyncio.sleep(1)
        assert list(receiver.store) == list(source)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.2)
        assert network.ended[-1][1] == "this side ends"


@settings(deadline=None, max_examples=50)
@given(
    outages=st.lists(st.tuples(st.floats(0.1, 8), st.floats(0.1, 12), st.booleans()), min_size=1, max_size=5),
    latency=st.floats(0, 0.3),
)
def test_whatever_the_link_does_the_receiver_ends_with_exactly_the_sender_s_fragments(
    outages: list[tuple[float, float, bool]], latency: float
) -> None:
    @virtual_time(seconds_limit=600)
    async def story() -> None:
        async with NativeNetwork(Store(), latency_seconds=latency) as network, running(network) as receiver:
            network.play(size=4000)
            await asyncio.sleep(2)
            for quiet, dark, old_ones_too in outages:
                await asyncio.sleep(quiet)
                network.cut()
                await asyncio.sleep(dark)
                network.restore(old_ones_too=old_ones_too)
            network.fall_silent()
            await asyncio.sleep(6.5)
            assert list(receiver.store) == list(network.source)
            assert network.most_dialling <= 4
            assert len(network.conversations) == 1

    story()
