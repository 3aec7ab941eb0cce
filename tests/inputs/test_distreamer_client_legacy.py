"""A DiStreamerClient whose server runs DiStreamer 2: the recorded exchange, outages, refusals, an upgrade."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.ports import ByteStream, MessageStream
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, ConfigError, DiStreamerError, LinkError, OtherWireError, PeerError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.media.auto import AutoFramer
from distreamer.model.status import ModuleState
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.legacy.listing import NO_STREAM, encode_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.schedules import AskList, PullSchedule
from distreamer.sessions import legacy_polling
from distreamer.sessions.native_side import Dial
from distreamer.sessions.old_wire import NATIVE_AGAIN_SECONDS
from distreamer.transport.memory import MemoryStream
from distreamer.transport.websocket import WebSocketDialler
from tests.protocol.legacy.reception import Received
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.input_context import input_context, sentences_of, stored_audio, stored_titles
from tests.support.legacy_programme import LegacyProgramme, stream_bytes
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_stream
from tests.support.memory_network import Handler, MemoryNetwork, answering
from tests.support.module_table import DISTREAMER_CLIENT, OLD_WIRE, RECORDED, proves
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import fill
from tests.support.virtual_time import virtual_time

HOST, PORT = "studio.example", 7080
ADDRESS = f"{HOST}:{PORT}"
URL = f"http://{ADDRESS}"


async def not_native(timeout_seconds: float) -> MessageStream:
    """What a DiStreamer 2 says to the WebSocket."""
    raise OtherWireError(ADDRESS, "answered 404")


class Client:
    """PC B."""

    def __init__(self, network: MemoryNetwork, dial: Dial = not_native, **settings: Any) -> None:
        self.said = CapturingLogger()
        self.context = input_context(log=self.said)
        self.store = self.context.store
        self._network = network
        made = DiStreamerClientSettings(**{"serverurl": URL, **settings})
        self.module = DiStreamerClient(made, self.context, dial, self._connect)

    async def _connect(self, timeout_seconds: float) -> ByteStream:
        return await self._network.connect(HOST, PORT, timeout_seconds=timeout_seconds)

    def sentences(self) -> list[str]:
        return sentences_of(self.said)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.module.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, DiStreamerError):
                await task


# -- the recording


class RecordedServer:
    """Plays the recorded server, connection by connection, and checks that the recorded requests are asked."""

    def __init__(self) -> None:
        self._script = iter(connections("poll"))
        self.is_at_end = asyncio.Event()

    async def serve(self, stream: MemoryStream, request: RequestHead) -> None:
        recorded = next(self._script, None)
        if recorded is None:
            self.is_at_end.set()
            return
        assert f"{request.method} {request.target.decode()}" == recorded.request_line
        for piece in recorded.server_pieces:
            await stream.write(piece)


@proves(DISTREAMER_CLIENT, RECORDED)
@virtual_time(seconds_limit=600)
async def test_the_recorded_server_is_heard() -> None:
    parser, heard = FragmentParser(list_closes_round=False), Received()
    schedule = PullSchedule(parser, 0.0)
    for connection in connections("poll"):
        request = schedule.next_request(connection.began) or AskList()
        schedule.answered(request, connection.answer.status, connection.answer.body, connection.answered)
        heard.take(parser)
    frames = b"".join(frame.data for frame in AutoFramer("audio/mpeg").feed(bytes(heard.audio)))
    server = RecordedServer()
    async with MemoryNetwork() as network:
        network.serve(ADDRESS, server.serve)
        client = Client(network, password=PASSWORD)
        async with client.receiving():
            await server.is_at_end.wait()
            [link] = client.module.links()
            assert (link.peer, link.carrier, link.duplicates) == (ADDRESS, "DiStreamer 2", 0)
            assert link.fragments == 22
    audio = stored_audio(client.store)
    assert frames.startswith(audio)
    assert len(frames) - len(audio) < 20_000
    assert [text for _, text in stored_titles(client.store)] == ["Song 1", "Song 2", "Song 3", "Song 4"]
    epoch = client.store.newest_epoch
    assert epoch is not None
    assert epoch.info.station.name == "Capture FM"
    assert len(network.pipes) == len(connections("poll")) + 1


# -- a whole pair


@proves(DISTREAMER_CLIENT, OLD_WIRE)
@virtual_time(seconds_limit=600)
async def test_audio_and_titles_arrive_whole_through_outages_in_every_place() -> None:
    far = LegacyProgramme("pw")
    async with MemoryNetwork(latency_seconds=0.01) as network:
        network.serve(ADDRESS, far.serve)
        client = Client(network, password="pw", httptimeout=2)
        async with client.receiving():
            await asyncio.sleep(0.5)
            assert client.context.health.state is ModuleState.STARTING
            assert (
                client.context.health.detail
                == f"{ADDRESS} answers on the wire of DiStreamer 2, and has no programme yet"
            )
            for second in range(60):
                far.play(1, f"Song {second // 20}" if second % 20 == 0 else "")
                await asyncio.sleep(0.97)
                if second == 20:
                    far.is_dark = True
                if second == 24:
                    far.is_dark = False
                    assert not client.module.links()[0].connected
                    assert client.context.health.detail.endswith("asking again")
                if second in {33, 35}:
                    network.pipes[-1].break_with("the other side broke the connection")
            await asyncio.sleep(5)
            assert client.context.health.detail == f"polls {ADDRESS} on the wire of DiStreamer 2"
            [link] = client.module.links()
            assert (link.connected, link.carrier, link.cuts) == (True, "DiStreamer 2", 1)
    audio = stored_audio(client.store)
    assert mp3_stream(0, 60 * 38).startswith(audio)
    # A fragment of DiStreamer 2 is sent when it is full, and the last second waits in ours.
    assert stream_bytes(60) - len(audio) < 16_384 + stream_bytes(2)
    titles = stored_titles(client.store)
    assert [text for _, text in titles] == ["Song 0", "Song 1", "Song 2"]
    for number, (place, _) in enumerate(titles):
        assert 0 <= place - stream_bytes(20 * number) <= 8_192 + MP3_FRAME_BYTES
    assert "the link is down" in client.sentences()
    assert "the link is back" in client.sentences()


@virtual_time(seconds_limit=600)
async def test_a_server_that_stays_away_is_the_supervisor_s_business_and_nothing_is_lost_by_it() -> None:
    far = LegacyProgramme()
    async with MemoryNetwork() as network:
        network.serve(ADDRESS, far.serve)
        client = Client(network, httptimeout=2)
        far.play(6)
        async with client.receiving() as first:
            await asyncio.sleep(1)
            far.is_dark = True
            began = client.context.clock.now()
            await asyncio.wait({first})
            assert isinstance(first.exception(), LinkError)
            assert legacy_polling.PATIENCE_SECONDS <= client.context.clock.now() - began < 20
        far.is_dark = False
        far.play(6)
        async with client.receiving():
            await asyncio.sleep(1)
    assert mp3_stream(0, 12 * 38).startswith(stored_audio(client.store))
    assert len(client.store) >= 9
    assert client.store.epochs[0] is client.store.newest_epoch
    assert not any(fragment.discontinuity for fragment in client.store)


# -- who is not polled


@virtual_time(seconds_limit=600)
async def test_a_server_that_cannot_be_reached_is_not_polled() -> None:
    async def unreachable(timeout_seconds: float) -> MessageStream:
        raise LinkError(ADDRESS, "no answer")

    async with MemoryNetwork() as network:
        network.serve(ADDRESS, LegacyProgramme().serve)
        with pytest.raises(LinkError, match="no answer"):
            await Client(network, unreachable).module.run()
        assert network.pipes == []


@virtual_time(seconds_limit=600)
async def test_without_legacy_no_old_request_leaves_this_side() -> None:
    async with MemoryNetwork() as network:
        with pytest.raises(OtherWireError, match="404"):
            await Client(network, legacy=False, password="secret").module.run()
        assert network.pipes == []


@virtual_time(seconds_limit=600)
async def test_a_password_that_the_old_wire_cannot_carry_is_not_sent() -> None:
    async with MemoryNetwork() as network:
        with pytest.raises(ConfigError, match=r"input: a password with spaces .* DiStreamer 2, which the server is"):
            await Client(network, password="open sesame").module.run()
        assert network.pipes == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, OtherWireError),
        (302, OtherWireError),
        (400, OtherWireError),
        (403, OtherWireError),
        (404, OtherWireError),
        (501, OtherWireError),
        (500, LinkError),
        (502, LinkError),
        (503, LinkError),
    ],
)
async def test_an_answer_of_http_shows_an_old_server_and_one_of_a_proxy_shows_none(
    status: int, error: type[DiStreamerError]
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 %d Whatever\r\nServer: DiStreamer\r\n\r\nInvalid fragment" % status)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, WebSocketDialler(f"http://127.0.0.1:{port}/radio/") as dialler:
        words = " to /radio/distreamer3: .* another path than /radio$" if error is OtherWireError else ""
        with pytest.raises(error, match=f"127.0.0.1:{port}/radio: answered {status}{words}"):
            await dialler.dial(5.0)


# -- what else a server may say


@pytest.mark.parametrize(
    ("handler", "error", "words"),
    [
        (
            answering(b"HTTP/1.0 403 Forbidden\r\n\r\nInvalid password"),
            AuthenticationError,
            "does not accept the PASSW",
        ),
        (
            answering(b"HTTP/1.0 404 Not Found\r\n\r\nno"),
            PeerError,
            "its SERVERURL has another path than /: .* 404: 'no'",
        ),
        (answering(b"HTTP/1.0 403 Forbidden\r\n\r\n<html>"), PeerError, "it is no DiStreamer, or .* 403: '<html>'"),
        (answering(b"HTTP/1.0 200 OK\r\n\r\n<html>"), PeerError, "the list cannot be read"),
        (answering(b"SSH-2.0-OpenSSH_9\r\n"), PeerError, "no HTTP answer"),
        (answering(b"HTTP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"), PeerError, "999999999 bytes; the limit"),
        (answering(), LinkError, "without an answer"),
        (answering(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n{"), LinkError, "before its announced length"),
    ],
)
def test_answers_that_bring_nothing_are_told_in_plain_words(
    handler: Handler, error: type[DiStreamerError], words: str
) -> None:
    @virtual_time(seconds_limit=600)
    async def check() -> None:
        async with MemoryNetwork() as network:
            network.serve(ADDRESS, handler)
            client = Client(network)
            with pytest.raises(error, match=f"{ADDRESS}: .*{words}"):
                await client.module.run()
            assert not client.module.links()[0].connected

    check()


@virtual_time(seconds_limit=600)
async def test_a_path_that_a_proxy_hands_on_may_be_wrong_instead_of_the_password() -> None:
    far = LegacyProgramme("pw")
    far.play(10)
    async with MemoryNetwork() as network:
        network.serve(ADDRESS, far.serve)
        client = Client(network, serverurl=f"{URL}/radio", password="pw")
        words = r"does not accept the PASSWORD of this side, or its SERVERURL has another path than /radio \(.* 403: "
        with pytest.raises(AuthenticationError, match=words):
            await client.module.run()


@virtual_time(seconds_limit=600)
async def test_a_path_that_has_worked_is_not_to_blame() -> None:
    async with MemoryNetwork() as network:
        network.serve(ADDRESS, answering(b"HTTP/1.0 200 OK\r\n\r\n" + encode_listing(NO_STREAM)))
        client = Client(network, serverurl=f"{URL}/radio", password="pw")
        async with client.receiving() as task:
            await asyncio.sleep(10)
            network.serve(ADDRESS, answering(b"HTTP/1.0 403 Forbidden\r\n\r\nInvalid password"))
            with pytest.raises(AuthenticationError, match=r"does not accept the PASSWORD of this side \(it answered"):
                await task


@virtual_time(seconds_limit=1_000)
async def test_an_answer_that_drips_for_ever_is_given_up() -> None:
    async def drip(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            await stream.write(b" ")
            await asyncio.sleep(1)

    async with MemoryNetwork() as network:
        network.serve(ADDRESS, drip)
        with pytest.raises(LinkError, match="not whole after 120 s"):
            await Client(network).module.run()


# -- an upgrade


@virtual_time(seconds_limit=3_000)
async def test_a_server_that_was_upgraded_is_talked_to_on_the_new_wire() -> None:
    far = LegacyProgramme()
    source = Store()
    fill(source, 5, 1, 20)
    upgraded = asyncio.Event()
    async with NativeNetwork(source) as native, MemoryNetwork() as network:

        async def dial(timeout_seconds: float) -> MessageStream:
            if upgraded.is_set():
                return await native.dial(timeout_seconds)
            return await not_native(timeout_seconds)

        network.serve(ADDRESS, far.serve)
        client = Client(network, dial)
        async with client.receiving():
            for _ in range(int(NATIVE_AGAIN_SECONDS) // 10):
                far.play(10)
                await asyncio.sleep(10)
            before = len(client.store.epochs)
            upgraded.set()
            await asyncio.sleep(NATIVE_AGAIN_SECONDS + 15)
            assert before == 1
            assert client.store.newest() == source.newest()
            [link] = client.module.links()
            assert (link.connected, link.carrier) == (True, "memory")
            assert "connected to the sender" in client.sentences()
            assert client.context.health.restarts == 0
