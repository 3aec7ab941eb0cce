"""A DiStreamerRevServer with real sockets: senders of both wires, recorded ones too, and what is refused.

Outages of the native wire in all variants: test_distreamer_rev_client.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.module import OutputContext, module_status
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, BindError, OtherWireError
from distreamer.inputs import distreamer_rev_server
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.model.status import LinkStatus, ModuleState
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.protocol.legacy.listing import NO_STREAM, encode_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.persistent import ListMessage, NumberedFragment
from distreamer.sessions import legacy_push_requests
from distreamer.sessions.legacy_push_requests import PushRequests
from distreamer.sessions.legacy_receiving import LegacyReceiver
from distreamer.sessions.native_carriers import Transport
from distreamer.sessions.password_gate import PasswordGate
from distreamer.transport.memory_messages import FramedMessages
from distreamer.transport.relay import Relay
from tests.protocol.legacy.reception import Received
from tests.protocol.legacy.recordings import PASSWORD, connections, pushed_messages
from tests.support.input_context import input_context, sentences_of, stored_audio, stored_titles
from tests.support.legacy_programme import SHAPE, LegacyProgramme, stream_bytes
from tests.support.listening_modules import until
from tests.support.module_table import (
    DISTREAMER_REV_CLIENT,
    DISTREAMER_REV_SERVER,
    NATIVE_WIRE,
    OLD_WIRE,
    RECORDED,
    proves,
)
from tests.support.native_network import output_context
from tests.support.native_programme import fill

PATIENCE_SECONDS = 60.0
"""A bound, not an expectation."""
TITLE_LATENESS_BYTES = SHAPE.icyint + 417
"""A title waits for the next metadata block, and then for the next frame."""


class Server:
    """PC B."""

    def __init__(self, password: str, *, legacy: bool, port: int = 0) -> None:
        self.said = CapturingLogger()
        self.context = input_context(log=self.said)
        self.store = self.context.store
        settings = DiStreamerRevServerSettings(hostname="127.0.0.1", port=port, password=password, legacy=legacy)
        self.module = DiStreamerRevServer(settings, self.context)

    @property
    def port(self) -> int:
        assert self.module.address is not None
        return self.module.address[1]

    @property
    def link(self) -> LinkStatus:
        [link] = self.module.links()
        return link

    def sentences(self) -> list[str]:
        return sentences_of(self.said)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to ``request``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: ([0-9]+)", head)
            assert length
            body = b"" if request.startswith(b"HEAD") else await reader.readexactly(int(length[1]))
        writer.close()
        return int(head.split(b" ", 2)[1]), body


@asynccontextmanager
async def serving(password: str = "", *, legacy: bool = True) -> AsyncIterator[Server]:
    server = Server(password, legacy=legacy)
    task = asyncio.create_task(server.module.run())
    await until(lambda: server.module.address is not None or task.done())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert server.module.address is None


@asynccontextmanager
async def sending(port: int, context: OutputContext, password: str = "", *, old: bool = False) -> AsyncIterator[None]:
    """PC A; an ``old`` one believes that the server is a DiStreamer 2."""
    settings = DiStreamerRevClientSettings(
        serverurl=f"http://127.0.0.1:{port}", password=password, httpinterval=0.1, httptimeout=PATIENCE_SECONDS
    )
    client = DiStreamerRevClient(settings, context, no_such_wire if old else None)
    task = asyncio.create_task(client.run())
    try:
        yield
    finally:
        if task.done():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def no_such_wire(timeout_seconds: float) -> FramedMessages:
    """What the WebSocketDialler says of a server that answers 404."""
    raise OtherWireError("127.0.0.1", "answered 404")


def post(target: str, body: bytes, *more: str) -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode()


def test_a_distreamer_2_section_is_taken_as_it_is() -> None:
    settings = DiStreamerRevServerSettings(password="secret-word")
    assert (settings.hostname, settings.port, settings.legacy) == ("0.0.0.0", 5080, True)
    assert "secret-word" not in repr(settings)
    with pytest.raises(ValidationError):
        DiStreamerRevServerSettings(password="a\x00b")


# -- DiStreamer 3


@proves(DISTREAMER_REV_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_REV_CLIENT, NATIVE_WIRE)
async def test_through_a_link_that_is_cut_nothing_is_lost() -> None:
    source = Store()
    fill(source, 5, 1, 10)
    async with serving("secret") as server, Relay("127.0.0.1", server.port) as relay:
        await until(lambda: server.context.health.detail == f"waits for a sender on 127.0.0.1:{server.port}")
        async with sending(relay.port, output_context(source), "secret"):
            await until(lambda: len(server.store) == 10)
            relay.cut()
            fill(source, 5, 11, 13, size=16_000)
            await until(lambda: not server.link.connected)
            await until(lambda: "was not heard for" in server.context.health.detail)
            assert server.context.health.state is ModuleState.STARTING
            assert len(server.store) < 13
            relay.restore()
            await until(lambda: len(server.store) == 13)
            relay.drop_connections()
            fill(source, 5, 14, 15)
            await until(lambda: len(server.store) == 15)
            assert list(server.store) == list(source)
            await until(lambda: server.context.health.state is ModuleState.RUNNING)
            assert server.context.health.detail == "receives from 127.0.0.1"
            assert server.link.cuts >= 1
        await until(lambda: not server.link.connected)
        said = server.sentences()
        assert [said.count(one) for one in ("a sender connected", "the link is down")] == [1, server.link.cuts]
        assert said.count("the sender is back") == server.link.cuts - 1
        assert server.module.listeners() is None


async def test_the_sender_that_comes_last_is_the_one() -> None:
    first, second = Store(), Store()
    fill(first, 5, 1, 5)
    fill(second, 6, 1, 5)
    async with serving() as server:
        async with sending(server.port, output_context(first)):
            await until(lambda: len(server.store) == 5)
        async with sending(server.port, output_context(second)):
            await until(lambda: len(server.store) == 10)
            assert [epoch.id for epoch in server.store.epochs] == [5, 6]
            assert server.sentences().count("a sender connected") == 2


@pytest.mark.parametrize("transport", [Transport.QUIC, Transport.TCP])
async def test_who_is_refused_again_and_again_is_told_once(transport: Transport) -> None:
    async with serving("right") as server:
        for password in ("wrong", "", "wrong"):
            url = f"http://127.0.0.1:{server.port}"
            settings = DiStreamerRevClientSettings(serverurl=url, password=password, transport=transport)
            with pytest.raises(AuthenticationError, match="PASSWORD"):
                await DiStreamerRevClient(settings, output_context(Store())).run()
        await until(lambda: server.sentences().count("a sender was refused") == 3)
        told = [call.method_name for call in server.said.calls if call.kwargs.get("event") == "a sender was refused"]
        assert told == ["warning", "debug", "debug"]
        assert server.module.links() == ()
        status = module_status("input", "DiStreamerRevServer", server.module, server.context.health)
        assert status.wrong_passwords == 2  # to give none is not to guess


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


async def test_one_conversation_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distreamer_rev_server, "MOST_CONVERSATIONS", 0)
    async with serving() as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{server.port}/distreamer3") as websocket:
            assert b"busy" in await websocket.receive_bytes()
        async with session.get(f"http://127.0.0.1:{server.port}/") as page:
            assert "Point a DiStreamerRevClient" in await page.text()
        assert "too many senders" in server.sentences()


async def test_a_port_that_is_taken_is_this_machines_fault() -> None:
    async with serving() as server:
        with pytest.raises(BindError):
            await Server("", legacy=True, port=server.port).module.run()


# -- DiStreamer 2


@proves(DISTREAMER_REV_SERVER, RECORDED)
async def test_the_recorded_sender_is_answered_as_it_was() -> None:
    async with serving(PASSWORD) as server:
        for connection in connections("rev"):
            recorded = connection.answer
            assert await server.ask(connection.client) == (recorded.status, recorded.body)
        assert [text for _, text in stored_titles(server.store)] == ["Song 2", "Song 3", "Song 4"]
        assert stored_audio(server.store)[20_000:200_000] in heard_elsewhere()
        await until(lambda: server.context.health.detail == "127.0.0.1 pushes on the wire of DiStreamer 2")
        assert server.context.health.state is ModuleState.RUNNING
        assert (server.link.connected, server.link.carrier, server.link.peer) == (True, "DiStreamer 2", "127.0.0.1")
        assert server.link.fragments == sum(one.request_line.startswith("POST /") for one in connections("rev")) - 9


def heard_elsewhere() -> bytes:
    """The audio of the other recording of that stream."""
    parser, received = FragmentParser(list_closes_round=True), Received()
    for item in pushed_messages("pers"):
        if isinstance(item, NumberedFragment):
            parser.take_fragment(item.number, item.data)
        elif isinstance(item, ListMessage):
            parser.take_list(item.listing)
            received.take(parser)
    return bytes(received.audio)


async def check_old_wire(server_store: Store, port: int, password: str = "", *, old: bool) -> None:
    """Our sender pushes a programme as it comes; audio and titles arrive."""
    programme = LegacyProgramme()
    programme.play(6, "First Song")
    async with sending(port, programme.context, password, old=old):
        await until(lambda: len(stored_audio(server_store)) > stream_bytes(6) - 2 * SHAPE.fragment_bytes)
        programme.play(5, "Second – Söng")
        await until(lambda: len(stored_titles(server_store)) == 2)
        programme.play(5, "Third Song")
        await until(lambda: len(stored_titles(server_store)) == 3)
        programme.play(5)
        await until(lambda: len(stored_audio(server_store)) > stream_bytes(21) - 2 * SHAPE.fragment_bytes)
    sent, heard = stored_audio(programme.store), stored_audio(server_store)
    assert sent.startswith(heard)
    titles = stored_titles(server_store)
    assert [text for _, text in titles] == ["First Song", "Second – Söng", "Third Song"]
    for (there, _), (here, _) in zip(stored_titles(programme.store), titles, strict=True):
        assert 0 <= here - there <= TITLE_LATENESS_BYTES


@proves(DISTREAMER_REV_SERVER, OLD_WIRE)
@proves(DISTREAMER_REV_CLIENT, OLD_WIRE)
async def test_our_sender_on_the_old_wire_loses_neither_audio_nor_titles() -> None:
    async with serving("secret") as server:
        await check_old_wire(server.store, server.port, "secret", old=True)
        assert server.sentences().count("a sender pushes on the wire of DiStreamer 2") == 1
        assert server.link.carrier == "DiStreamer 2"


async def test_our_sender_finds_out_by_itself_that_a_server_is_old() -> None:
    """It knows no WebSocket, and answers a stranger's request with 403."""
    context = input_context()
    receiver = LegacyReceiver(context.ingest, context.clock, list_closes_round=False)
    refused: list[str] = []
    gate = PasswordGate(context.clock, context.log)
    pushes = PushRequests(receiver, "secret", context.clock, lambda host, reason: refused.append(reason), gate)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await pushes.answer(request, is_taken=False)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        await check_old_wire(context.store, port, "secret", old=False)
        assert refused == ["wrong password"]
        programme = LegacyProgramme()
        programme.play(5)
        settings = DiStreamerRevClientSettings(serverurl=f"http://127.0.0.1:{port}", password="other")
        with pytest.raises(AuthenticationError, match="PASSWORD"):
            await DiStreamerRevClient(settings, programme.context).run()
    finally:
        await runner.cleanup()


async def test_what_an_old_sender_must_not_do_is_refused_and_told() -> None:
    async with serving("pw") as server:
        assert await server.ask(get("/list/pw")) == (200, encode_listing(NO_STREAM))
        head = await server.ask(b"HEAD /list/pw HTTP/1.0\r\n\r\n")
        assert head == (200, b"")
        for target in ("/list", "/list/", "/list/wrong", "/1/wrong", "/distreamer3x"):
            assert await server.ask(get(target)) == (403, b"Invalid password")
        assert await server.ask(post("/1/wrong", b"x" * 100)) == (403, b"Invalid password")
        assert await server.ask(get("/7/pw")) == (404, b"Invalid request: 7")
        assert await server.ask(post("/0/pw", b"x")) == (404, b"Invalid request: 0")
        assert await server.ask(post("/x/pw", b"x")) == (404, b"Invalid request: x")
        assert (await server.ask(b"POST /1/pw HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))[0] == 411
        huge = await server.ask(b"POST /1/pw HTTP/1.0\r\nContent-Length: 2000000000\r\n\r\n")
        assert huge == (413, b"The body is announced with 2000000000 bytes; the limit is 4194304")
        for _ in range(3):
            status, words = await server.ask(post("/list/pw", b"[" * 1000))
            assert (status, words[:8]) == (400, b"the list")
        assert (await server.ask(b"DELETE /1/pw HTTP/1.0\r\n\r\n"))[0] == 501
        assert server.module.links() == ()
        reasons = [call.kwargs["reason"] for call in server.said.calls if call.method_name == "warning"]
        assert reasons == ["wrong password"]


async def test_a_body_that_stops_halfway_is_told_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_push_requests, "BODY_SECONDS", 0.05)
    async with serving() as server:
        announced = b"POST /1 HTTP/1.0\r\nContent-Length: 1000\r\n\r\nonly this"
        assert await server.ask(announced) == (500, b"Incomplete read")
        monkeypatch.setattr(legacy_push_requests, "MOST_BODIES", 0)
        assert await server.ask(post("/1", b"x")) == (503, b"Too many requests")
        assert await server.ask(get("/list")) == (200, encode_listing(NO_STREAM))


async def test_a_sender_that_vanishes_in_the_middle_of_a_body_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(legacy_push_requests, "MOST_BODIES", 1)
    async with serving() as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post("/1", b"x" * 1000)[:-10])
        await writer.drain()
        writer.transport.abort()
        answers: list[tuple[int, bytes]] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not answers or answers[-1][0] == 503:
                answers.append(await server.ask(post("/1", b"x" * 1000)))
        assert answers[-1] == (200, b"OK")
        assert server.link.fragments == 1
    assert caplog.records == []


@pytest.mark.parametrize("target", ["/%00", "/1/%2e%2e", "//", "/list?x#y", "*", "/" + "9" * 5000, "/l\u00efst"])
async def test_whatever_a_stranger_asks_is_answered_with_a_refusal(target: str) -> None:
    async with serving("pw") as server:
        for request in (get(target), post(target, b"body")):
            assert (await server.ask(request))[0] in {400, 403, 404}
        assert await server.ask(get("/list/pw")) == (200, encode_listing(NO_STREAM))


async def test_where_the_old_wire_is_switched_off_nobody_answers_there() -> None:
    async with serving("pw", legacy=False) as server:
        assert (await server.ask(get("/list/pw")))[0] == 404


async def test_an_old_sender_does_not_disturb_a_new_one() -> None:
    source = Store()
    fill(source, 5, 1, 3)
    async with serving() as server, sending(server.port, output_context(source)):
        await until(lambda: len(server.store) == 3)
        assert await server.ask(get("/list")) == (503, b"Another sender is connected")


async def test_an_old_sender_that_pushes_no_more_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distreamer_rev_server, "PUSHER_SECONDS", 0.2)
    monkeypatch.setattr(distreamer_rev_server, "LOOK_SECONDS", 0.05)
    async with serving() as server:
        await server.ask(get("/list"))
        assert server.module.links() == ()
        await server.ask(post("/list", encode_listing(NO_STREAM)))
        await until(lambda: "the sender pushes no more" in server.sentences())
        await until(lambda: server.context.health.detail.startswith("waits for a sender"))
        assert not server.link.connected
