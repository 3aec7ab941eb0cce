"""A DiStreamerServer with real sockets, and DiStreamerClients that receive from it through a link that is cut."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.module import module_status
from distreamer.core.ports import Clock
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, BindError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.status import ModuleState
from distreamer.outputs import distreamer_server
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.outputs.receivers import MOST_REMEMBERED, REMEMBERED_SECONDS, Receivers
from distreamer.protocol.native.events import Welcomed
from distreamer.protocol.native.handshake import Acceptor, Identity
from distreamer.sessions.native_carriers import Transport
from distreamer.sessions.native_sender import SenderSession
from distreamer.transport.memory_messages import MemoryCarrier
from distreamer.transport.relay import Relay
from tests.support.input_context import capturing_log, input_context, sentences_of
from tests.support.listening_modules import until
from tests.support.module_table import DISTREAMER_CLIENT, DISTREAMER_SERVER, NATIVE_WIRE, proves
from tests.support.native_network import output_context
from tests.support.native_programme import fill

PATIENCE_SECONDS = 60.0
"""A bound, not an expectation."""


class Server:
    """PC A."""

    def __init__(self, password: str, port: int) -> None:
        self.store = Store()
        self.said = CapturingLogger()
        self.context = output_context(self.store, capturing_log(self.said))
        settings = DiStreamerServerSettings(hostname="127.0.0.1", port=port, password=password)
        self.module = DiStreamerServer(settings, self.context)

    @property
    def port(self) -> int:
        assert self.module.address is not None
        return self.module.address[1]

    def sentences(self) -> list[str]:
        return sentences_of(self.said)


@asynccontextmanager
async def serving(password: str = "", port: int = 0) -> AsyncIterator[Server]:
    server = Server(password, port)
    task = asyncio.create_task(server.module.run())
    await until(lambda: server.module.address is not None or task.done())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert server.module.address is None


class Client:
    """PC B."""

    def __init__(self, port: int, password: str = "", transport: Transport = Transport.AUTO) -> None:
        self.context = input_context()
        self.store = self.context.store
        url = f"http://127.0.0.1:{port}"
        settings = DiStreamerClientSettings(serverurl=url, password=password, transport=transport)
        self.module = DiStreamerClient(settings, self.context)

    async def holds(self, source: Store) -> None:
        """Waits until everything that ``source`` holds has arrived."""
        changed = asyncio.Event()
        unsubscribe = self.store.subscribe(changed.set)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.store.newest() != source.newest():
                changed.clear()
                await changed.wait()
        unsubscribe()


@asynccontextmanager
async def receiving(port: int, password: str = "", transport: Transport = Transport.AUTO) -> AsyncIterator[Client]:
    client = Client(port, password, transport)
    task = asyncio.create_task(client.module.run())
    try:
        yield client
    finally:
        if task.done():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def detail(server: Server, words: str) -> None:
    """Waits until the server's health says ``words``."""
    await until(lambda: words in server.context.health.detail)


@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_CLIENT, NATIVE_WIRE)
@pytest.mark.usefixtures("patient_links")
async def test_several_receivers_get_the_same_programme_and_one_that_leaves_disturbs_nobody() -> None:
    async with serving("secret") as server:
        fill(server.store, 5, 1, 20)
        await detail(server, "no receiver is connected")
        async with receiving(server.port, "secret", Transport.QUIC) as first:
            async with receiving(server.port, "secret", Transport.QUIC) as second:
                await first.holds(server.store)
                await second.holds(server.store)
                assert list(first.store) == list(second.store) == list(server.store)
                await detail(server, "2 receivers: 127.0.0.1 is connected, 127.0.0.1 is connected")
            fill(server.store, 5, 21, 25)
            await first.holds(server.store)
            await detail(server, "1 receiver: 127.0.0.1 is connected")
            await until(lambda: sum(link.fragments for link in server.module.links()) == 45)
            here, away = sorted(server.module.links(), key=lambda link: link.connected, reverse=True)
            assert here.connected
            assert (here.peer, here.carrier, here.fragments, here.cuts) == ("127.0.0.1", "quic", 25, 0)
            assert not away.connected
            assert away.fragments == 20
            assert server.context.health.state is ModuleState.RUNNING
            assert server.module.listeners() is None


@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_CLIENT, NATIVE_WIRE)
async def test_through_a_link_that_is_cut_nothing_is_lost() -> None:
    async with serving() as server, Relay("127.0.0.1", server.port) as relay:
        fill(server.store, 5, 1, 10)
        async with receiving(relay.port) as client:
            await client.holds(server.store)
            relay.cut()
            fill(server.store, 5, 11, 13, size=16_000)
            await until(lambda: not server.module.links()[0].connected)
            assert len(client.store) < 13
            await until(lambda: "a receiver was lost" in server.sentences())
            relay.restore()
            await client.holds(server.store)
            assert list(client.store) == list(server.store)
            relay.drop_connections()
            fill(server.store, 5, 14, 15)
            await client.holds(server.store)
            assert list(client.store) == list(server.store)
            assert client.module.links()[0].cuts >= 2


async def test_a_restarted_server_is_found_again_and_its_new_epoch_is_appended() -> None:
    async with AsyncExitStack() as client_life:
        async with serving() as first:
            port = first.port
            fill(first.store, 5, 1, 5)
            client = await client_life.enter_async_context(receiving(port))
            await client.holds(first.store)
        async with serving(port=port) as second:
            fill(second.store, 6, 1, 5)
            await client.holds(second.store)
            assert [epoch.id for epoch in client.store.epochs] == [5, 6]
            assert len(client.store) == 10


@pytest.mark.parametrize(("here", "there"), [("right", "wrong"), ("right", ""), ("", "right")])
async def test_another_password_is_refused_and_told_on_both_sides(here: str, there: str) -> None:
    async with serving(here) as server:
        client = Client(server.port, there)
        with pytest.raises(AuthenticationError, match=f"127.0.0.1:{server.port}: .*PASSWORD"):
            await client.module.run()
        await until(lambda: "a receiver was refused" in server.sentences())
        assert server.module.links() == ()


@pytest.mark.parametrize("transport", [Transport.QUIC, Transport.TCP])
async def test_who_is_refused_again_and_again_is_told_once(transport: Transport) -> None:
    async with serving("right") as server:
        for _ in range(3):
            with pytest.raises(AuthenticationError):
                await Client(server.port, "wrong", transport).module.run()
        await until(lambda: server.sentences().count("a receiver was refused") == 3)
        told = [call.method_name for call in server.said.calls if call.kwargs.get("event") == "a receiver was refused"]
        assert told == ["warning", "debug", "debug"]
        status = module_status("output", "DiStreamerServer", server.module, server.context.health)
        assert status.wrong_passwords == 3


async def test_strangers_who_break_the_rules_do_not_fill_the_log() -> None:
    async with serving("right") as server, aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.ws_connect(f"http://127.0.0.1:{server.port}/distreamer3") as websocket:
                await websocket.send_bytes(b"\x06")
                assert b"protocol" in await websocket.receive_bytes()
        ended = "a conversation was ended"
        await until(lambda: server.sentences().count(ended) == 3)
        told = [call.method_name for call in server.said.calls if call.kwargs.get("event") == ended]
        assert told == ["warning", "debug", "debug"]


@pytest.mark.usefixtures("patient_links")
async def test_one_conversation_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distreamer_server, "MOST_CONVERSATIONS", 1)
    async with serving() as server:
        fill(server.store, 5, 1, 3)
        async with receiving(server.port) as first:
            await first.holds(server.store)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"http://127.0.0.1:{server.port}/distreamer3") as websocket,
            ):
                message = await websocket.receive_bytes()
            assert message[0] == 5
            goodbye = json.loads(message[3:])
            assert goodbye == {"code": "busy", "reason": "there are 1 conversations already"}
            assert "too many receivers" in server.sentences()


@pytest.mark.usefixtures("patient_links")
async def test_garbage_on_a_carrier_ends_only_that_carrier() -> None:
    async with serving() as server:
        fill(server.store, 5, 1, 3)
        async with receiving(server.port) as client:
            await client.holds(server.store)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"http://127.0.0.1:{server.port}/distreamer3") as websocket,
            ):
                await websocket.send_bytes(b"\x01\xff\xffgarbage")
                message = await websocket.receive_bytes()
                assert b'"code":"protocol"' in message
            fill(server.store, 5, 4, 5)
            await client.holds(server.store)
            assert client.module.links()[0].cuts == 0


async def test_people_who_open_the_port_in_a_browser_are_told_what_it_is() -> None:
    async with (
        serving() as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}/") as answer,
    ):
        assert answer.status == 200
        text = await answer.text()
    assert text.startswith("DiStreamer ")
    assert text.count("\n") == 1


async def test_a_port_that_is_taken_is_told_in_plain_words() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = DiStreamerServerSettings(hostname="127.0.0.1", port=port)
        with pytest.raises(BindError, match=f"127.0.0.1:{port}: another program listens there already"):
            await DiStreamerServer(settings, output_context(Store())).run()


@pytest.mark.usefixtures("patient_links")
async def test_the_server_says_goodbye_when_it_ends() -> None:
    client: Client
    async with serving() as server:
        fill(server.store, 5, 1, 3)
        client = Client(server.port)
        task = asyncio.create_task(client.module.run())
        await client.holds(server.store)
    await until(lambda: not client.module.links()[0].connected)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert client.module.links()[0].cuts == 1


def test_a_password_that_cannot_be_used_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ValidationError, match="control characters"):
        DiStreamerServerSettings(password="bell\x07")
    with pytest.raises(ValidationError, match="control characters"):
        DiStreamerClientSettings(serverurl="http://a:1", password="bell\x07")
    with pytest.raises(ValidationError, match="no \\? and no #"):
        DiStreamerClientSettings(serverurl="http://a:1/?x")


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return self.at


def conversation(clock: Clock, node: str) -> SenderSession:
    """One that is welcome but carries nothing."""
    carrier = MemoryCarrier(near_name=f"{node}:1")
    session = SenderSession(
        carrier.far_messages,
        Store(),
        clock,
        Acceptor(Identity("a", "a"), None, "n"),
        lambda taken: None,
    )
    session.welcomed = Welcomed(node, "agent", (3, 0))
    return session


async def test_receivers_that_are_away_are_forgotten_in_time_and_bounded_in_number() -> None:
    clock = SetClock()
    receivers = Receivers(clock)
    for number in range(MOST_REMEMBERED + 5):
        clock.at += 1
        session = conversation(clock, f"b{number}")
        assert receivers.taken(session) == "a receiver connected"
        assert receivers.taken(session) == ""
        assert receivers.left(session)
        assert not receivers.left(session)
    assert [link.peer for link in receivers.links()] == [f"b{number}" for number in range(5, MOST_REMEMBERED + 5)]
    again = conversation(clock, "b9")
    assert receivers.taken(again) == "a receiver is back"
    clock.at += REMEMBERED_SECONDS + 1
    assert [(link.peer, link.connected, link.cuts) for link in receivers.links()] == [("b9", True, 1)]
    assert receivers.sentence() == "1 receiver: b9 is connected"


async def test_a_receiver_that_left_for_another_carrier_was_not_lost() -> None:
    receivers = Receivers(SetClock())
    first, second = conversation(SetClock(), "b"), conversation(SetClock(), "b")
    receivers.taken(first)
    assert not receivers.left(first, for_another=True)
    assert receivers.taken(second) == "a receiver has taken another carrier"
    assert [(link.connected, link.cuts) for link in receivers.links()] == [(True, 0)]
    assert receivers.left(second)
    assert [(link.connected, link.cuts) for link in receivers.links()] == [(False, 1)]
