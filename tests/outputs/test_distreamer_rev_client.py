"""A sender that dials a DiStreamerRevServer through outages, in virtual time, and its way to old servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, ConfigError, LinkError, OtherWireError, PeerError
from distreamer.model.status import ModuleState
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.protocol.legacy.listing import parse_listing
from distreamer.protocol.legacy.renderer import FragmentRenderer, Rendering
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_pushing import LegacyPusher
from distreamer.sessions.legacy_sending import RenderedStore
from distreamer.transport.memory import Direction, MemoryPipe, MemoryStream
from distreamer.transport.memory_messages import FramedMessages
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.input_context import capturing_log
from tests.support.module_table import DISTREAMER_REV_CLIENT, DISTREAMER_REV_SERVER, NATIVE_WIRE, proves
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.reversed_network import ReversedNetwork
from tests.support.virtual_time import virtual_time

OUTAGE_RETURN_SECONDS = 1.5
RECORDED_ADDRESS = "http://127.0.0.1:9425"


class Sender:
    """PC A: a client that runs, and reads the network's source."""

    def __init__(self, network: ReversedNetwork, password: str = "", url: str = "http://far:1/") -> None:
        self.said = CapturingLogger()
        self.context = output_context(network.source, capturing_log(self.said))
        options = DiStreamerRevClientSettings(serverurl=url, password=password)
        self.client = DiStreamerRevClient(options, self.context, network.dial)


@asynccontextmanager
async def running(network: ReversedNetwork, password: str = "") -> AsyncIterator[Sender]:
    sender = Sender(network, password)
    task = asyncio.get_running_loop().create_task(sender.client.run())
    try:
        yield sender
    finally:
        if task.done():
            await task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_distreamer_2_section_is_taken_as_it_is() -> None:
    options = DiStreamerRevClientSettings(
        serverurl="http://far.example:5080", httptimeout=5, httpinterval=3, password="secret-word"
    )
    assert options.legacy
    assert "secret-word" not in repr(options)
    with pytest.raises(ValidationError):
        DiStreamerRevClientSettings(serverurl="far.example:5080")


@proves(DISTREAMER_REV_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_REV_CLIENT, NATIVE_WIRE)
@virtual_time(seconds_limit=600)
async def test_the_history_goes_at_once_and_new_fragments_as_they_exist() -> None:
    source = Store()
    fill(source, 5, 1, 100, size=16_000)
    async with ReversedNetwork(source, password="secret") as network, running(network, "secret") as sender:
        await asyncio.sleep(3)
        assert [one.number for one in network.store] == list(range(70, 101))
        network.play(first=101)
        await asyncio.sleep(20.5)
        assert list(network.store) == [one for one in source if one.number >= 70]
        assert sender.context.health.state is ModuleState.RUNNING
        assert sender.context.health.detail == "sends to far:1"
        [there] = network.server.links()
        [here] = sender.client.links()
        assert (here.connected, there.connected) == (True, True)
        assert (here.fragments, there.fragments, there.duplicates, there.cuts) == (52, 52, 0, 0)
        assert here.rtt_seconds == pytest.approx(0.1, abs=0.02)
        assert here.peer_budget_seconds is None
        assert len(network.dialled) == 1


@proves(DISTREAMER_REV_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_REV_CLIENT, NATIVE_WIRE)
@pytest.mark.parametrize("seconds", [2.0, 5.0, 19.0, 60.0])
@pytest.mark.parametrize("old_ones_too", [True, False], ids=["the old connection revives", "it is dead for ever"])
@virtual_time(seconds_limit=600)
async def test_after_an_outage_nothing_is_missing_and_the_first_new_fragment_comes_soon(
    seconds: float, old_ones_too: bool
) -> None:
    async with ReversedNetwork(Store()) as network, running(network):
        network.play()
        await asyncio.sleep(10.2)
        network.cut()
        await asyncio.sleep(seconds)
        before = len(network.store)
        network.restore(old_ones_too=old_ones_too)
        await asyncio.sleep(OUTAGE_RETURN_SECONDS)
        assert len(network.store) > before
        network.fall_silent()
        await asyncio.sleep(5)
        assert list(network.store) == list(network.source)
        assert network.most_dialling <= 4
        assert network.server.links()[0].duplicates <= 8


@virtual_time(seconds_limit=600)
async def test_a_half_open_link_is_noticed_by_the_sender_that_hears_nothing() -> None:
    async with ReversedNetwork(Store()) as network, running(network) as sender:
        network.play()
        await asyncio.sleep(5.2)
        network.cut(Direction.TO_NEAR)
        await asyncio.sleep(4.2)
        assert list(network.store) == list(network.source)
        assert sender.client.links()[0].cuts == 1


@virtual_time(seconds_limit=600)
async def test_a_long_path_does_not_make_carriers_replace_one_another() -> None:
    """A handshake takes longer here than the pause between two attempts."""
    async with ReversedNetwork(Store(), latency_seconds=0.6) as network, running(network) as sender:
        network.play()
        await asyncio.sleep(20)
        dialled = len(network.dialled)
        network.cut()
        await asyncio.sleep(5)
        network.restore(old_ones_too=False)
        await asyncio.sleep(10)
        settled = len(network.dialled)
        await asyncio.sleep(30)
        assert len(network.dialled) == settled > dialled
        assert sender.client.links()[0].cuts == 1
        network.fall_silent()
        await asyncio.sleep(3)
        assert list(network.store) == list(network.source)


@proves(DISTREAMER_REV_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_REV_CLIENT, NATIVE_WIRE)
@settings(deadline=None, max_examples=25)
@example(outages=[(1.0, 1.0, False), (1.25, 0.25, True), (0.75, 4.0, False), (1.0, 1.0, False)], latency=0.28)
@given(
    outages=st.lists(st.tuples(st.floats(0.1, 8), st.floats(0.1, 12), st.booleans()), min_size=1, max_size=4),
    latency=st.floats(0, 0.3),
)
def test_whatever_the_link_does_the_receiver_ends_with_exactly_the_sender_s_fragments(
    outages: list[tuple[float, float, bool]], latency: float
) -> None:
    @virtual_time(seconds_limit=600)
    async def story() -> None:
        async with ReversedNetwork(Store(), latency_seconds=latency) as network, running(network):
            network.play(size=4000)
            await asyncio.sleep(2)
            for quiet, dark, old_ones_too in outages:
                await asyncio.sleep(quiet)
                network.cut()
                await asyncio.sleep(dark)
                network.restore(old_ones_too=old_ones_too)
            network.fall_silent()
            await asyncio.sleep(6.5)
            assert list(network.store) == list(network.source)
            assert network.most_dialling <= 4

    story()


@virtual_time(seconds_limit=600)
async def test_a_restarted_sender_takes_the_place_of_its_ghost() -> None:
    async with ReversedNetwork(Store()) as network:
        network.play()
        first = Sender(network)
        task = asyncio.create_task(first.client.run())
        await asyncio.sleep(5.2)
        ghosts = list(network.carriers)
        for carrier in ghosts:
            carrier.cut()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with running(network):
            await asyncio.sleep(1.1)
            assert list(network.store) == list(network.source)
            assert network.sentences().count("a sender connected") == 2
            await asyncio.sleep(5)
            assert network.server.links()[0].connected


TWO_SENDERS = "two senders take each other's place here; give each an [INPUT] with a PORT of its own"


@virtual_time(seconds_limit=600)
async def test_of_two_senders_the_one_before_gives_way_and_leaves_the_rest_to_the_supervisor() -> None:
    async with ReversedNetwork(Store()) as network:
        network.play()
        first = Sender(network)
        task = asyncio.create_task(first.client.run())
        await asyncio.sleep(5.2)
        async with running(network):
            await asyncio.sleep(1)
            assert task.done()
            with pytest.raises(LinkError, match=r"far:1: .*another sender has connected"):
                await task
            dialled = len(network.dialled)
            await asyncio.sleep(10)
            assert len(network.dialled) == dialled
            assert list(network.store) == list(network.source)
        assert TWO_SENDERS not in network.sentences()


@virtual_time(seconds_limit=600)
async def test_two_senders_that_take_each_others_place_are_told_apart() -> None:
    async with ReversedNetwork(Store()) as network:
        network.play()
        first, second = Sender(network), Sender(network)
        for sender in (first, second, first):
            assert TWO_SENDERS not in network.sentences()
            task = asyncio.create_task(sender.client.run())
            await asyncio.sleep(5.2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert network.sentences().count(TWO_SENDERS) == 1


@pytest.mark.parametrize(("here", "there"), [("wrong", "right"), ("", "right"), ("right", "")])
@virtual_time(seconds_limit=60)
async def test_another_password_is_raised_at_once(here: str, there: str) -> None:
    async with ReversedNetwork(Store(), password=there) as network:
        sender = Sender(network, here)
        with pytest.raises(AuthenticationError, match="PASSWORD"):
            await sender.client.run()
        assert len(network.dialled) == 1
        assert not any(link.connected for link in network.server.links())


@virtual_time(seconds_limit=60)
async def test_a_server_that_cannot_be_reached_is_not_taken_for_an_old_one() -> None:
    async with ReversedNetwork(Store(), refuses=True) as network:
        sender = Sender(network)
        with pytest.raises(LinkError, match="far:1"):
            await sender.client.run()
        [link] = sender.client.links()
        assert link.carrier == ""
        assert not link.connected


async def no_such_wire(timeout_seconds: float) -> FramedMessages:
    """What the WebSocketDialler says of a server that answers 404."""
    raise OtherWireError("far:1", "answered 404")


async def test_where_the_old_wire_is_switched_off_an_old_server_is_an_error() -> None:
    options = DiStreamerRevClientSettings(serverurl="http://far:1", legacy=False)
    client = DiStreamerRevClient(options, output_context(Store()), no_such_wire)
    with pytest.raises(OtherWireError):
        await client.run()


class RecordedStore(RenderedStore):
    """What the recorded sender held, round by round."""

    def __init__(self) -> None:
        super().__init__(Store(), FragmentRenderer())
        bodies = {one.request_line.split("/")[1]: one.pushed for one in connections("rev") if b"POST" in one.client[:4]}
        self.round = -1
        self._stores = [
            Rendering(listing, {number: bodies[str(number)] for number in listing.fragmentslist}, b"", one.pushed)
            for one in connections("rev")
            if one.request_line.startswith("POST /list")
            for listing in [parse_listing(one.pushed)]
        ]

    def rendering(self) -> Rendering:
        return self._stores[max(self.round, 0)]


class RecordedServer:
    """Answers as the recorded one, whole or in small pieces; what it is asked must be what was recorded."""

    def __init__(self, rendered: RecordedStore, piece: int) -> None:
        self.asked = 0
        self._rendered = rendered
        self._piece = piece
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, timeout_seconds: float) -> MemoryStream:
        pipe = MemoryPipe(latency_seconds=0.01)
        self._tasks.append(asyncio.create_task(self._serve(pipe.far)))
        return pipe.near

    async def _serve(self, stream: MemoryStream) -> None:
        recorded = connections("rev")[self.asked]
        self.asked += 1
        request = b""
        while len(request) < len(recorded.client):
            data = await stream.read()
            assert data
            request += data
        assert request == recorded.client
        following = connections("rev")[self.asked : self.asked + 1]
        for place in range(0, len(recorded.server), self._piece):
            await stream.write(recorded.server[place : place + self._piece])
        if following and following[0].request_line.startswith("GET"):
            self._rendered.round += 1
        await stream.close()

    async def finish(self) -> None:
        await asyncio.gather(*self._tasks)


@pytest.mark.parametrize("piece", [100_000, 1])
@virtual_time(seconds_limit=600)
async def test_the_recorded_server_is_asked_what_it_was_asked(piece: int) -> None:
    rendered = RecordedStore()
    rendered.round = 0
    server = RecordedServer(rendered, piece)
    context = output_context(Store())
    pusher = LegacyPusher(LegacyAddress.parse(RECORDED_ADDRESS), PASSWORD, rendered, context.clock, 5, 2, server.dial)
    answers = 0

    def answered() -> None:
        nonlocal answers
        answers += 1

    # The first round is at 0, the ninth at 16 seconds and a little more.
    await pusher.run_until(17.5, answered)
    await server.finish()
    assert answers == server.asked == len(connections("rev"))
    assert pusher.fragments == sum(one.request_line.startswith("POST /") for one in connections("rev")) - 9


async def pushed_at(answer: bytes | None, *, stored: bool = True) -> None:
    """One push at a server that says ``answer`` to everything, and nothing when it is None."""
    tasks = []

    async def dial(timeout_seconds: float) -> MemoryStream:
        pipe = MemoryPipe()

        async def serve() -> None:
            await pipe.far.read()
            if answer is not None:
                await pipe.far.write(answer)
                await pipe.far.close()

        tasks.append(asyncio.create_task(serve()))
        return pipe.near

    rendered = RecordedStore()
    context = output_context(Store())
    address = LegacyAddress.parse("http://far:1")
    store = rendered if stored else RenderedStore(Store(), FragmentRenderer())
    try:
        await LegacyPusher(address, "", store, context.clock, 5, 3, dial).run_until(60, lambda: None)
    finally:
        await asyncio.gather(*tasks)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.0 403 Forbidden\r\n\r\nInvalid password", AuthenticationError, "far:1: .*PASSWORD"),
        (
            b"HTTP/1.0 403 Forbidden\r\n\r\n<html>",
            PeerError,
            "far:1: it is no DiStreamer, .* path than /: .*403: '<html>",
        ),
        (b"HTTP/1.0 404 Not Found\r\n\r\nInvalid request: list", PeerError, "far:1: .* path than /: .*404"),
        (b"HTTP/1.0 500 Error\r\n\r\n", PeerError, "far:1: the request for the list .* 500"),
        (b"HTTP/1.0 200 OK\r\n\r\nno list", PeerError, "far:1: it is no DiStreamer, .*: the list"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2000000000\r\n\r\n", PeerError, "2000000000 bytes; the limit"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 20\r\n\r\n{}", LinkError, "not whole"),
        (b"", LinkError, "without an answer"),
        (None, LinkError, "far:1: nothing came for 5"),
    ],
)
@virtual_time(seconds_limit=100)
async def test_an_answer_that_cannot_be_used_says_who_is_to_blame(
    answer: bytes | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await pushed_at(answer)


async def test_a_password_that_the_old_wire_cannot_carry_is_told() -> None:
    options = DiStreamerRevClientSettings(serverurl="http://far:1", password="two words")
    client = DiStreamerRevClient(options, output_context(Store()), no_such_wire)
    with pytest.raises(ConfigError, match="password with spaces"):
        await client.run()


@virtual_time(seconds_limit=100)
async def test_while_there_is_nothing_to_push_nothing_is_asked() -> None:
    # Every question would be answered with an error.
    await pushed_at(b"HTTP/1.0 500 Error\r\n\r\n", stored=False)


@virtual_time(seconds_limit=2000)
async def test_a_server_that_was_upgraded_is_found_out() -> None:
    """Old for ten minutes, and a DiStreamer 3 from then on. The source is silent at first: nothing is pushed."""
    async with ReversedNetwork(Store()) as network:
        asked: list[float] = []

        async def dial(timeout_seconds: float) -> FramedMessages:
            asked.append(network.clock.now())
            if len(asked) == 1:
                return await no_such_wire(timeout_seconds)
            return await network.dial(timeout_seconds)

        options = DiStreamerRevClientSettings(serverurl="http://far:1")
        context = output_context(network.source)
        client = DiStreamerRevClient(options, context, dial)
        task = asyncio.create_task(client.run())
        await asyncio.sleep(1)
        assert client.links()[0].carrier == "DiStreamer 2"
        assert context.health.state is ModuleState.STARTING
        await asyncio.sleep(600)
        assert asked[1] - asked[0] == pytest.approx(600, abs=0.2)
        network.play()
        await asyncio.sleep(2)
        assert client.links()[0].carrier == "memory"
        assert list(network.store) == list(network.source)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
