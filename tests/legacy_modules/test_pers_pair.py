"""The persistent pair, each half against what a DiStreamer 2 said in a recording."""

from __future__ import annotations

import json

import pytest

from distreamer.core.module import OutputContext
from distreamer.errors import AuthenticationError, LinkError
from distreamer.inputs.distreamer_pers_client import DiStreamerPersClient, DiStreamerPersClientSettings
from distreamer.outputs.distreamer_pers_server import DiStreamerPersServer, DiStreamerPersServerSettings
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.aligned_store import AlignedStore, RecordedReceiver
from tests.support.input_context import input_context
from tests.support.legacy_wire import read_http, read_until
from tests.support.listening_modules import connected, exchange, listening
from tests.support.memory_peers import MemoryPeers
from tests.support.module_table import DISTREAMER_PERS_CLIENT, DISTREAMER_PERS_SERVER, RECORDED, proves
from tests.support.recorded_programme import EVERY_FRAME, recorded_programme
from tests.support.virtual_time import virtual_time

PASSWORDS = {"pers": PASSWORD, "ogg-pers": ""}
RECORDINGS = pytest.mark.parametrize("name", ["pers", "ogg-pers"])
WRONG_PASSWORD = b"err|18\r\nPassword incorrect\r\n"


def server(context: OutputContext, password: str) -> DiStreamerPersServer:
    settings = DiStreamerPersServerSettings(hostname="127.0.0.1", port=0, password=password)
    # Rounds of a second would only make the test wait.
    return DiStreamerPersServer(settings.model_copy(update={"interval": 0.01}), context)


@proves(DISTREAMER_PERS_CLIENT, RECORDED)
@RECORDINGS
@virtual_time(seconds_limit=600)
async def test_the_client_takes_all_that_the_recorded_server_sent(name: str) -> None:
    (recorded,) = connections(name)

    async def serve(stream: MemoryStream) -> None:
        assert await read_until(stream, b"\r\n\r\n") == recorded.client
        for piece in recorded.server_pieces:
            await stream.write(piece)

    context = input_context(EVERY_FRAME)
    async with MemoryPeers(serve) as peers:
        settings = DiStreamerPersClientSettings(serverurl="http://far:1", password=PASSWORDS[name])
        client = DiStreamerPersClient(settings, context, peers.dial)
        with pytest.raises(LinkError, match="closed the connection"):
            await client.run()
    recorded_programme(name).check(context.store)


@virtual_time(seconds_limit=600)
async def test_the_client_says_that_its_password_was_refused() -> None:
    async def refuse(stream: MemoryStream) -> None:
        assert await read_until(stream, b"\r\n\r\n") == b"GET /wrong/ HTTP/1.1\r\n\r\n"
        await stream.write(WRONG_PASSWORD)

    async with MemoryPeers(refuse) as peers:
        settings = DiStreamerPersClientSettings(serverurl="http://far:1", password="wrong")
        with pytest.raises(AuthenticationError, match="does not accept the PASSWORD of this side"):
            await DiStreamerPersClient(settings, input_context(), peers.dial).run()


@proves(DISTREAMER_PERS_SERVER, RECORDED)
@RECORDINGS
async def test_the_server_sends_the_recorded_client_what_it_was_sent(name: str) -> None:
    """Every fragment byte for byte and the same lists: its store comes to hold what the recorded one held."""
    (recorded,) = connections(name)
    aligned = AlignedStore(recorded_programme(name))
    receiver = RecordedReceiver(aligned)
    module = server(aligned.context(), PASSWORDS[name])
    async with listening(module) as port, connected(port) as (reader, writer):
        for piece in recorded.client_pieces:
            writer.write(piece)
        while not receiver.is_at_end:
            data = await reader.read(65_536)
            assert data
            receiver.feed(data)
        [link] = module.links()
        assert (link.connected, link.carrier) == (True, "DiStreamer 2")


@proves(DISTREAMER_PERS_SERVER, RECORDED)
async def test_the_server_refuses_the_recorded_client_where_it_has_another_password() -> None:
    (recorded,) = connections("pers")
    aligned = AlignedStore(recorded_programme("pers"))
    aligned.fill(34)
    module = server(aligned.context(), "another")
    async with listening(module) as port:
        assert await exchange(port, recorded.client_pieces) == WRONG_PASSWORD
        stats = read_http(await exchange(port, [b"GET /stats HTTP/1.0\r\n\r\n"]))
        assert (stats.status, stats.headers["content-type"]) == (200, "application/json")
        assert json.loads(stats.body) == {"connectedClients": 0, "fragmentsList": [30, 31, 32, 33, 34]}


async def test_the_server_sends_nothing_again_that_the_client_holds() -> None:
    """As a recorded client would ask that was cut off behind fragment 32."""
    aligned = AlignedStore(recorded_programme("pers"))
    aligned.fill(34)
    fragments = aligned.programme.fragments
    expected = b"oggheader|0\r\n\r\n33|16384\r\n" + fragments[33] + b"\r\n34|16384\r\n" + fragments[34] + b"\r\nlist|"
    async with listening(server(aligned.context(), PASSWORD)) as port, connected(port) as (reader, writer):
        writer.write(b"GET /pw/30/31/32 HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(len(expected)) == expected
