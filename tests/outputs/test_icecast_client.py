"""IcecastClient against servers in memory: what is sent, what is sent again, and what is said of refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.module import OutputContext
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, LinkError, PeerError
from distreamer.model.audio import Station, StreamInfo, Title
from distreamer.model.fragment import Fragment
from distreamer.outputs.icecast_client import IcecastClient, IcecastClientSettings
from distreamer.outputs.played_queue import MAXIMUM_SECONDS, PlayedQueue
from distreamer.protocol.http1 import RequestHead
from distreamer.runtime.supervisor import Supervisor
from distreamer.transport.memory import MemoryStream
from tests.support.input_context import capturing_log
from tests.support.made_audio import AAC, INFO, fragment
from tests.support.memory_network import MemoryNetwork, answering
from tests.support.native_network import output_context
from tests.support.virtual_time import virtual_time

ADDRESS = "icecast.example:8000"
URL = f"http://{ADDRESS}/live.mp3"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.0 200 OK\r\n\r\n"


@dataclass
class Server:
    """Takes sources and titles, and remembers what they sent."""

    heard: list[bytes] = field(default_factory=list)
    """Of each source connection."""
    titles: list[bytes] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=lambda: {"PUT": CONTINUE, "SOURCE": OK, "GET": OK})
    is_deaf: bool = False
    """Whether audio is not taken from the connection."""
    ends_after: int | None = None
    """Bytes after which a source's connection is closed."""

    async def serve(self, stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(self.answers[request.method])
        if request.method == "GET":
            self.titles.append(request.query)
            return
        if not self.answers[request.method].split(b" ")[1].startswith((b"1", b"2")):
            return
        self.heard.append(b"")
        if self.is_deaf:
            await asyncio.Event().wait()
        while data := await stream.read():
            self.heard[-1] += data
            if self.ends_after is not None and len(self.heard[-1]) >= self.ends_after:
                return


class Programme:
    """A playout that brings a fragment each second."""

    def __init__(self) -> None:
        self.said = CapturingLogger()
        self.store = Store()
        base = output_context(self.store)
        self.head = PlayoutHead(self.store, base.clock, lambda info: 1.0)
        self.context: OutputContext = replace(base, playout=self.head, log=capturing_log(self.said))
        self.number = 0
        self.info: StreamInfo = replace(INFO, station=Station("Radio Example", genre="Chanson", public=True))
        self.epoch = 1
        self.title: Title | None = None

    def bring(self, count: int = 1) -> None:
        self.store.open_epoch(self.epoch, self.info)
        for _ in range(count):
            self.number += 1
            self.store.add(replace(fragment(self.number, self.epoch), title=self.title))

    async def go_on(self, seconds: int) -> None:
        for _ in range(seconds):
            self.bring()
            await asyncio.sleep(1)

    def audio(self, first: int, last: int) -> bytes:
        return b"".join(fragment(number).audio for number in range(first, last + 1))


@asynccontextmanager
async def sending(
    server: Server, programme: Programme, **keys: object
) -> AsyncIterator[tuple[MemoryNetwork, IcecastClient]]:
    async with MemoryNetwork() as network:
        network.serve(ADDRESS, server.serve)
        settings = IcecastClientSettings.model_validate({"serverurl": URL, "password": "secret", **keys})
        client = IcecastClient(settings, programme.context, network.connect)
        supervisor = Supervisor(client.run, programme.context.health, programme.context.log, chance=lambda: 0.5)
        tasks = [asyncio.create_task(job) for job in (programme.head.run(), supervisor.run())]
        try:
            yield network, client
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task


@virtual_time(600)
async def test_what_is_played_is_sent_from_its_beginning() -> None:
    server, programme = Server(), Programme()
    async with sending(server, programme) as (network, client):
        await programme.go_on(20)
        assert len(server.heard) == 1
        assert programme.audio(1, 20).startswith(server.heard[0])
        assert len(server.heard[0]) >= len(programme.audio(1, 18))
        (link,) = client.links()
        assert (link.peer, link.connected, link.carrier) == (f"{ADDRESS}/live.mp3", True, "put")
        headers = network.requests[0][1].headers
        assert headers.get("Ice-Name") == "Radio Example"
        assert headers.get("Ice-Public") == "1"
        assert programme.context.health.detail == f"sends to {ADDRESS}/live.mp3"


@virtual_time(600)
async def test_nobody_connects_before_there_is_audio() -> None:
    server, programme = Server(), Programme()
    async with sending(server, programme) as (network, client):
        await asyncio.sleep(100)
        assert network.requests == []
        assert programme.context.health.detail == "waits for something to play"
        assert client.links() == ()


@virtual_time(600)
async def test_the_config_goes_before_what_the_source_says() -> None:
    programme = Programme()
    async with sending(Server(), programme, name="Far Radio", public="no") as (network, _):
        await programme.go_on(5)
        headers = network.requests[0][1].headers
        assert [headers.get(name) for name in ("Ice-Name", "Ice-Genre", "Ice-Public")] == ["Far Radio", "Chanson", "0"]


@virtual_time(600)
async def test_after_a_broken_connection_it_goes_on_with_what_was_not_sent() -> None:
    server, programme = Server(ends_after=100_000), Programme()
    async with sending(server, programme) as (_, client):
        await programme.go_on(30)
        assert len(server.heard) >= 3
        assert client.links()[0].cuts >= 2
        # The system had taken a little that the server did not: of that nobody can know.
        whole = programme.audio(1, 30)
        places = [whole.index(one[:1000]) for one in server.heard if one]
        for one, place, following in zip(server.heard, places, places[1:], strict=False):
            assert one == whole[place : place + len(one)]
            assert 0 <= following - place - len(one) <= 2 * len(fragment(1).audio)


@virtual_time(600)
async def test_what_was_played_while_the_server_was_away_follows() -> None:
    server, programme = Server(), Programme()
    async with sending(server, programme) as (network, client):
        network.serve(ADDRESS, answering())  # closes at once
        await programme.go_on(20)
        assert [link.connected for link in client.links()] == [False]
        network.serve(ADDRESS, server.serve)
        await programme.go_on(10)
        assert programme.audio(1, 30).startswith(server.heard[-1])
        assert len(server.heard[-1]) >= len(programme.audio(1, 27))


@virtual_time(600)
async def test_a_server_that_only_knows_source_is_sent_source() -> None:
    server, programme = Server(), Programme()
    server.answers["PUT"] = b"HTTP/1.0 405 Method Not Allowed\r\n\r\n"
    async with sending(server, programme) as (network, client):
        await programme.go_on(10)
        assert [request.method for _, request in network.requests] == ["PUT", "SOURCE"]
        assert len(server.heard[0]) > 0
        assert client.links()[0].carrier == "source"


@virtual_time(3600)
@pytest.mark.parametrize("to_source", [b"HTTP/1.0 405 Method Not Allowed\r\n\r\n", b""], ids=["405", "closes"])
async def test_one_refusal_of_put_is_not_the_end_of_it(to_source: bytes) -> None:
    """As from a proxy while the server behind it is started anew; SOURCE is never taken there."""
    programme = Programme()
    refusing, taking = Server(), Server()
    refusing.answers |= {"PUT": b"HTTP/1.0 404 Not Found\r\n\r\n", "SOURCE": b"HTTP/1.0 404 Not Found\r\n\r\n"}
    taking.answers["SOURCE"] = to_source

    async def serve(stream: MemoryStream, request: RequestHead) -> None:
        if to_source or request.method != "SOURCE":
            await taking.serve(stream, request)

    async with sending(refusing, programme) as (network, _):
        await programme.go_on(20)
        network.serve(ADDRESS, serve)
        await programme.go_on(60)
        assert taking.heard
        assert len(taking.heard[-1]) > len(programme.audio(1, 40))


@virtual_time(600)
async def test_a_server_that_does_not_answer_put_is_sent_the_audio_all_the_same() -> None:
    server, programme = Server(), Programme()
    server.answers["PUT"] = b""

    async def silent(stream: MemoryStream, request: RequestHead) -> None:
        server.heard.append(b"")
        while data := await stream.read():
            server.heard[-1] += data

    async with sending(server, programme) as (network, _):
        network.serve(ADDRESS, silent)
        await programme.go_on(15)
        assert programme.audio(1, 15).startswith(server.heard[0])
        assert server.heard[0]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.0 401 Authentication Required\r\n\r\n", AuthenticationError, "refuses USER or PASSWORD"),
        (b"HTTP/1.0 403 Mountpoint in use\r\n\r\n", PeerError, "another source may be on this mount"),
        (b"HTTP/1.0 500 Internal Error\r\n\r\n", PeerError, "does not take the audio \\(500 Internal Error\\)"),
        (b"hello\r\n\r\n", PeerError, "no HTTP status line"),
        (b"", LinkError, "the server closed the connection"),
    ],
)
def test_refusals_in_plain_words(answer: bytes, error: type[Exception], words: str) -> None:
    @virtual_time(600)
    async def run() -> None:
        programme = Programme()
        async with MemoryNetwork() as network:
            network.serve(ADDRESS, answering(answer))
            settings = IcecastClientSettings(serverurl=URL, protocol="source")
            client = IcecastClient(settings, programme.context, network.connect)
            head = asyncio.create_task(programme.head.run())
            programme.bring(20)
            with pytest.raises(error, match=words):
                await client.run()
            head.cancel()

    run()


@virtual_time(600)
async def test_a_server_that_takes_nothing_is_left() -> None:
    server, programme = Server(is_deaf=True), Programme()
    async with sending(server, programme, timeout=5):
        await programme.go_on(40)
        said = [str(call.kwargs["event"]) for call in programme.said.calls]
        assert any("has taken no audio for 5 s" in event for event in said)


@virtual_time(600)
async def test_what_is_left_out_is_told_at_most_once_a_minute() -> None:
    server, programme = Server(), Programme()

    def told() -> list[float]:
        return [call.kwargs["seconds"] for call in programme.said.calls if "was left out" in call.kwargs["event"]]

    async with sending(server, programme, timeout=300) as (network, _):
        await programme.go_on(90)
        assert told() == []
        for outage in (60, 45):
            network.pipes[-1].cut()
            await programme.go_on(outage)
            network.pipes[-1].restore()
            await programme.go_on(5)
            assert len(told()) == 1
        await programme.go_on(60)
        first, second = told()
        missing = programme.number - len(server.heard[0]) / len(programme.audio(1, 1))
        assert first + second == pytest.approx(missing, abs=3)
        assert min(first, second) > 5


@virtual_time(600)
async def test_titles_are_sent_once_each_and_again_after_a_reconnect() -> None:
    server, programme = Server(), Programme()
    programme.title = Title("First")
    async with sending(server, programme) as (network, _):
        await programme.go_on(10)
        programme.title = Title("Zweiter – Ü")
        await programme.go_on(10)
        songs = [query.rpartition(b"song=")[2] for query in server.titles]
        assert songs == [b"First", b"Zweiter%20%E2%80%93%20%C3%9C"]
        for pipe in network.pipes:
            pipe.break_with("the cable was cut")
        await programme.go_on(10)
        assert len(server.titles) == 3


@virtual_time(600)
async def test_a_title_that_is_refused_is_tried_again_a_few_times_and_disturbs_nothing() -> None:
    server, programme = Server(), Programme()
    server.answers["GET"] = b"HTTP/1.0 400 Source does not exist\r\n\r\n"
    programme.title = Title("First")
    async with sending(server, programme):
        await programme.go_on(20)
        assert len(server.titles) == 5
        assert len(server.heard) == 1


@virtual_time(600)
async def test_no_titles_when_none_are_wanted() -> None:
    server, programme = Server(), Programme()
    programme.title = Title("First")
    async with sending(server, programme, sendtitles="no"):
        await programme.go_on(10)
        assert server.titles == []


@virtual_time(600)
async def test_another_type_of_audio_is_a_new_connection() -> None:
    server, programme = Server(), Programme()
    async with sending(server, programme) as (network, _):
        await programme.go_on(10)
        programme.info, programme.epoch, programme.number = replace(INFO, format=AAC), 2, 0
        await programme.go_on(10)
        types = [request.headers.get("content-type") for _, request in network.requests]
        assert types == ["audio/mpeg", "audio/aac"]
        assert programme.context.health.restarts == 0


@pytest.mark.parametrize(("rule", "connections"), [("keep", 1), ("close", 2)])
def test_another_sample_rate_is_a_new_connection_or_not_as_onformatchange_says(rule: str, connections: int) -> None:
    @virtual_time(600)
    async def run() -> None:
        server, programme = Server(), Programme()
        async with sending(server, programme, onformatchange=rule):
            await programme.go_on(10)
            first = programme.number
            other_bitrate = replace(INFO.format, bitrate=192_000)
            for epoch, audio in ((2, other_bitrate), (3, replace(other_bitrate, clock_rate=48_000))):
                programme.info, programme.epoch, programme.number = replace(INFO, format=audio), epoch, 0
                await programme.go_on(20)
            old = programme.audio(1, first) + programme.audio(1, 20)
            assert len(server.heard) == connections
            assert b"".join(server.heard).startswith(old + programme.audio(1, 10))
            assert server.heard[0].startswith(old)
            assert (server.heard[0] == old) is (rule == "close")

    run()


@virtual_time(600)
async def test_ogg_headers_go_before_what_needs_them() -> None:
    server, programme = Server(), Programme()
    store = programme.store
    store.open_epoch(1, INFO)
    setups = [b"A" * 10] * 8 + [b"B" * 10] * 8
    async with sending(server, programme):
        for number, setup in enumerate(setups, 1):
            store.add(Fragment(1, number, (number - 1) * 44100, 44100, b"%02d" % number, 0.0, setup=setup))
            await asyncio.sleep(1)
        await asyncio.sleep(10)
    expected = b"A" * 10 + b"".join(b"%02d" % number for number in range(1, 9))
    expected += b"B" * 10 + b"".join(b"%02d" % number for number in range(9, 17))
    assert server.heard == [expected]


def test_a_mount_must_be_named_except_for_shoutcast() -> None:
    with pytest.raises(ValidationError, match="SERVERURL must end in the mount"):
        IcecastClientSettings(serverurl="http://icecast.example:8000")
    with pytest.raises(ValidationError, match="SERVERURL must end in the mount"):
        IcecastClientSettings(serverurl="http://icecast.example:8000?a=b")
    IcecastClientSettings(serverurl="http://icecast.example:8000/")
    IcecastClientSettings(serverurl="http://icecast.example:8000", protocol="shoutcast")


@virtual_time(600)
async def test_what_waits_is_bounded_and_what_is_dropped_is_counted() -> None:
    programme, queue = Programme(), PlayedQueue()
    programme.head.subscribe(queue.put)
    task = asyncio.create_task(programme.head.run())
    await programme.go_on(60)
    await asyncio.sleep(10)
    task.cancel()
    assert queue.seconds == pytest.approx(MAXIMUM_SECONDS)
    assert queue.dropped_seconds == pytest.approx(60 - MAXIMUM_SECONDS)
    assert (await queue.first()).fragment.number == 31
