"""A DiStreamerServer on real sockets, polled by receivers that run DiStreamer 2: the recorded client, and ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import CapturingLogger

from distreamer.core.fragmenter import Fragmenter
from distreamer.core.module import LegacyShape
from distreamer.errors import DiStreamerError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ModuleState
from distreamer.outputs import polling_answers
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.outputs.polling_receivers import MOST_REMEMBERED, REMEMBERED_SECONDS, PollingReceivers
from distreamer.protocol.legacy.answer_reader import AnswerReader, WholeAnswer
from distreamer.protocol.legacy.listing import parse_listing
from distreamer.sessions.legacy_sending import NO_OGG_BY_POLLING
from distreamer.transport.tcp import listening_sockets
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.audio_samples import encoded
from tests.support.input_context import capturing_log, input_context, stored_audio, stored_titles
from tests.support.legacy_programme import LegacyProgramme, stream_bytes
from tests.support.listening_modules import until
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_stream
from tests.support.module_table import DISTREAMER_SERVER, RECORDED, proves
from tests.support.native_network import output_context

PATIENCE_SECONDS = 60.0
"""A bound, not an expectation."""
BIG = LegacyShape(fragment_bytes=4_000_000, fragments=2, icyint=0)
"""Fragments that no kernel takes in one go."""


class Server:
    """PC A."""

    def __init__(self, password: str, legacy: bool, shape: LegacyShape | None) -> None:
        self.said = CapturingLogger()
        far = LegacyProgramme()
        self.play, self.store = far.play, far.store
        context = output_context(far.store, capturing_log(self.said))
        self.context = replace(context, legacy=shape or far.context.legacy)
        settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password=password, legacy=legacy)
        self.module = DiStreamerServer(settings, self.context)

    @property
    def port(self) -> int:
        assert self.module.address is not None
        return self.module.address[1]

    def told(self, sentence: str) -> list[str]:
        """The levels at which ``sentence`` was said."""
        return [call.method_name for call in self.said.calls if call.kwargs.get("event") == sentence]

    async def exchange(self, request: bytes) -> bytes:
        """Everything that is answered to ``request``, until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(request)
            answer = await reader.read()
        writer.close()
        return answer

    async def ask(self, target: str, method: str = "GET") -> WholeAnswer:
        data = await self.exchange(f"{method} {target} HTTP/1.0\r\n\r\n".encode())
        reader = AnswerReader()
        return reader.receive_data(data) or reader.receive_eof()


@asynccontextmanager
async def serving(
    password: str = "", *, legacy: bool = True, shape: LegacyShape | None = None
) -> AsyncIterator[Server]:
    server = Server(password, legacy, shape)
    task = asyncio.create_task(server.module.run())
    await until(lambda: server.module.address is not None or task.done())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# -- the recorded client


@proves(DISTREAMER_SERVER, RECORDED)
async def test_the_recorded_client_gets_what_it_asks_for() -> None:
    """Its requests byte for byte, against our store with fragments of the same numbers."""
    async with serving(PASSWORD) as server:
        held: dict[int, bytes] = {}
        for connection in connections("poll"):
            _, name, _ = connection.request_line.split("/")
            wanted = 0 if name == "list" else int(name)
            while name != "list" and wanted not in held:
                # The recorded server had it by now.
                server.play(1)
                listing = parse_listing((await server.ask(f"/list/{PASSWORD}")).body)
                held |= dict.fromkeys(listing.fragmentslist, b"")
            data = await server.exchange(connection.client)
            head, _, body = data.partition(b"\r\n\r\n")
            assert head.split(b" ", 2)[1] == b"200"
            assert b"\r\nServer: DiStreamer\r\n" in head
            # The old client looks at this and reads until the end.
            assert b"\r\nContent-Length: %d\r\n" % len(body) in head + b"\r\n"
            if name == "list":
                assert b"\r\nContent-Type: text/plain" in head
                listing = parse_listing(body)
                held |= dict.fromkeys(listing.fragmentslist, b"")
            else:
                assert len(body) == 16_384
        [link] = server.module.links()
        assert (link.peer, link.connected, link.carrier, link.fragments) == ("127.0.0.1", True, "DiStreamer 2", 23)


# -- what is answered


async def test_what_is_refused() -> None:
    async with serving("pw") as server:
        server.play(3)
        for target in ("/list", "/list/pW", "/list/pw/", "/1", "/1/pwd", "/1/%70w", "/distreamer2"):
            assert await server.ask(target) == WholeAnswer(403, b"Invalid password")
        assert server.module.links() == ()
        assert server.told("a receiver was refused")[:2] == ["warning", "debug"]
        assert await server.ask("/99/pw") == WholeAnswer(404, b"Invalid fragment 99")
        assert await server.ask("/x<y/pw") == WholeAnswer(404, b"Invalid fragment x?y")
        for method in ("POST", "PUT", "DELETE"):
            assert (await server.ask("/list/pw", method)).status == 501


async def test_a_server_without_password_takes_any() -> None:
    async with serving() as server:
        assert (await server.ask("/list")).status == 200
        assert (await server.ask("/list/whatever")).status == 200


@pytest.mark.parametrize("password", ["Grüße", "open sesame"])
async def test_a_password_that_the_old_wire_cannot_carry_is_told_and_closes_it(password: str) -> None:
    async with serving(password) as server:
        server.play(3)
        assert server.told("receivers that run DiStreamer 2 cannot be served") == ["warning"]
        assert (await server.ask("/list")).status == 404


async def test_head_is_answered_without_a_body_and_takes_no_fragment() -> None:
    async with serving() as server:
        server.play(3)
        for target, length in (("/list", len((await server.ask("/list")).body)), ("/1", 16_384)):
            data = await server.exchange(f"HEAD {target} HTTP/1.0\r\n\r\n".encode())
            assert data.endswith(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % length in data
        assert server.module.links()[0].fragments == 0


async def test_without_legacy_the_old_wire_is_closed_and_the_new_one_is_not() -> None:
    async with serving("pw", legacy=False) as server:
        server.play(3)
        assert (await server.ask("/list/pw")).status == 404
        assert (await server.ask("/1/pw")).status == 404
        assert (await server.ask("/")).status == 200
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{server.port}/distreamer3") as websocket,
        ):
            assert not websocket.closed
        assert server.told("a receiver was refused") == []


async def test_an_answer_that_nobody_takes_is_given_up_and_too_many_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling_answers, "MOST_ANSWERS", 1)
    async with serving(shape=BIG) as server:
        server.play(300)
        assert (await server.ask("/list")).status == 200
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1_024)
        writer.write(b"GET /1 HTTP/1.0\r\n\r\n")
        assert (await reader.readexactly(12)).endswith(b" 200")
        assert (await server.ask("/list")).status == 503
        writer.transport.abort()
        await until(lambda: server.told("an answer was not taken") == ["debug"])
        monkeypatch.setattr(polling_answers, "MOST_ANSWERS", 2)
        monkeypatch.setattr(polling_answers, "STUCK_SECONDS", 0.001)
        slow, stuck = await asyncio.open_connection("127.0.0.1", server.port, limit=1_024)
        stuck.write(b"GET /1 HTTP/1.0\r\n\r\n")
        await until(lambda: len(server.told("an answer was not taken")) == 2)
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert len(await slow.read()) < 4_000_000
        stuck.transport.abort()


# -- who polls


async def test_who_polls_is_told_in_the_health_and_once_in_the_log() -> None:
    async with serving() as server:
        server.play(3)
        await until(lambda: server.context.health.detail == "no receiver is connected")
        for _ in range(3):
            await server.ask("/list")
        await until(lambda: server.context.health.detail == "127.0.0.1 polls")
        assert server.context.health.state is ModuleState.RUNNING
        assert server.told("a receiver polls on the wire of DiStreamer 2") == ["info"]
        client = DiStreamerClient(
            DiStreamerClientSettings(serverurl=f"http://127.0.0.1:{server.port}"), input_context()
        )
        task = asyncio.create_task(client.run())
        await until(lambda: server.context.health.detail == "1 receiver: 127.0.0.1 is connected; 127.0.0.1 polls")
        assert sorted(link.carrier for link in server.module.links()) == ["DiStreamer 2", "quic"]
        # The new wire is preferred, though the old one is there as well.
        assert client.links()[0].carrier == "quic"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_ogg_that_the_polling_wire_cannot_carry_is_told_to_who_can_change_it() -> None:
    async with serving() as server:
        opus = AutoFramer().feed(encoded("libopus", seconds=8, sample_rate=48000, bitrate=256_000))
        fragmenter = Fragmenter(7, 48000)
        server.context.store.open_epoch(7, StreamInfo(opus[0].format))
        for frame in opus:
            for fragment in fragmenter.add(frame, 0.0):
                server.context.store.add(fragment)
        await server.ask("/list")
        assert server.told(NO_OGG_BY_POLLING) == ["warning"]


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return self.at


def test_receivers_that_poll_no_more_are_forgotten_in_time_and_bounded_in_number() -> None:
    clock = SetClock()
    receivers = PollingReceivers(clock)
    assert receivers.sentence() == ""
    for number in range(MOST_REMEMBERED + 3):
        clock.at += 0.1
        assert receivers.heard(f"192.0.2.{number}", took_fragment=False)
    assert [link.peer for link in receivers.links()] == [f"192.0.2.{n}" for n in range(3, MOST_REMEMBERED + 3)]
    clock.at += REMEMBERED_SECONDS + 1
    assert not receivers.heard("192.0.2.5", took_fragment=True)
    assert len(receivers.forget()) == MOST_REMEMBERED - 1
    assert receivers.sentence() == "192.0.2.5 polls"
    [link] = receivers.links()
    assert (link.fragments, link.silent_seconds) == (1, 0.0)
    assert link.connected_seconds > REMEMBERED_SECONDS
    clock.at += REMEMBERED_SECONDS + 1
    assert receivers.forget() == ["192.0.2.5"]
    assert receivers.links() == ()


async def test_a_receiver_that_polls_no_more_is_told() -> None:
    clock = SetClock()
    said = CapturingLogger()
    far = LegacyProgramme(context=replace(output_context(input_context().store, capturing_log(said)), clock=clock))
    far.play(3)
    assert far.answers.answer("GET", b"/list", "[2001:db8::9]:4711").status == 200
    assert far.answers.sentence() == "2001:db8::9 polls"
    clock.at += REMEMBERED_SECONDS + 1
    assert far.answers.sentence() == ""
    assert said.calls[-1].kwargs == {"event": "a receiver polls no more", "peer": "2001:db8::9"}


# -- our pair on the old wire


@asynccontextmanager
async def old_server(far: LegacyProgramme) -> AsyncIterator[int]:
    """The port of a server that answers everything as DiStreamer 2 does, the WebSocket too."""
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", far.answers.serve)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    [listener] = listening_sockets("127.0.0.1", 0)
    await web.SockSite(runner, listener).start()
    try:
        yield listener.getsockname()[1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("password", ["", "pw"], ids=["open", "with a password"])
async def test_our_client_finds_the_old_wire_by_itself_and_hears_audio_and_titles(password: str) -> None:
    far = LegacyProgramme(password)
    far.play(4, "First")
    async with old_server(far) as port:
        context = input_context()
        settings = DiStreamerClientSettings(
            serverurl=f"http://127.0.0.1:{port}/", password=password, httpinterval=0.1, httptimeout=20
        )
        client = DiStreamerClient(settings, context)
        task = asyncio.create_task(client.run())
        await until(lambda: len(context.store) >= 2 or task.done())
        far.play(4, "Second")
        far.play(4, "Third")
        await until(lambda: len(stored_audio(context.store)) > stream_bytes(9) or task.done())
        [link] = client.links()
        assert (link.connected, link.carrier) == (True, "DiStreamer 2")
        task.cancel()
        with suppress(asyncio.CancelledError, DiStreamerError):
            await task
    assert mp3_stream(0, 12 * 38).startswith(stored_audio(context.store))
    titles = stored_titles(context.store)
    assert [text for _, text in titles] == ["First", "Second", "Third"]
    for number, (place, _) in enumerate(titles):
        assert 0 <= place - stream_bytes(4 * number) <= 8_192 + MP3_FRAME_BYTES
    assert [reason for _, reason in far.refused] == ["its PASSWORD is not the one here"] * bool(password)
