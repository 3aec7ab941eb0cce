"""The polling pair, each half against what a DiStreamer 2 said in a recording."""

from __future__ import annotations

import asyncio

from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, Connection, connections
from tests.support.aligned_store import AlignedStore, known_part
from tests.support.input_context import input_context
from tests.support.legacy_wire import HttpMessage, read_http, read_list, read_request
from tests.support.listening_modules import exchange, listening
from tests.support.memory_peers import MemoryPeers, not_native, running
from tests.support.module_table import DISTREAMER_CLIENT, DISTREAMER_SERVER, RECORDED, proves
from tests.support.recorded_programme import EVERY_FRAME, recorded_programme
from tests.support.virtual_time import virtual_time

RECORDED_URL = "http://127.0.0.1:9407"
"""As the Host field of the recorded requests has it."""
RECORDED_INTERVAL = 2


def subject_of(recorded: Connection) -> str:
    """What the recorded client asked for."""
    return recorded.request_line.split("/")[1]


@proves(DISTREAMER_CLIENT, RECORDED)
@virtual_time(seconds_limit=600)
async def test_the_client_asks_what_the_recorded_client_asked_and_takes_all_that_it_was_answered() -> None:
    """Byte for byte, every request; one fragment was gone before it was asked for."""
    script = iter(connections("poll"))
    at_end = asyncio.Event()

    async def serve(stream: MemoryStream) -> None:
        request = await read_request(stream)
        recorded = next(script, None)
        if recorded is None:
            at_end.set()
            await stream.read()
            return
        assert request == recorded.client
        for piece in recorded.server_pieces:
            await stream.write(piece)

    context = input_context(EVERY_FRAME)
    async with MemoryPeers(serve) as peers:
        settings = DiStreamerClientSettings(
            serverurl=RECORDED_URL, password=PASSWORD, httpinterval=RECORDED_INTERVAL, httptimeout=5
        )
        client = DiStreamerClient(settings, context, not_native, peers.dial)
        async with running(client):
            await at_end.wait()
            [link] = client.links()
            assert (link.carrier, link.fragments, link.duplicates) == ("DiStreamer 2", 22, 0)
    recorded_programme("poll").check(context.store)


def check_answer(answer: HttpMessage, recorded: Connection) -> None:
    """Status, fields and body are those that the recorded client got, but for the date and the name of the server
    software."""
    theirs = read_http(recorded.server)
    assert answer.status == theirs.status
    assert answer.headers["server"] == "DiStreamer"
    if subject_of(recorded) == "list":
        programme = recorded_programme("poll")
        assert known_part(read_list(answer.body), programme) == known_part(read_list(theirs.body), programme)
        assert answer.headers["content-type"] == theirs.headers["content-type"] == "text/plain"
    else:
        assert answer.body == theirs.body
    if answer.status == 200:
        assert int(answer.headers["content-length"]) == len(answer.body)


@proves(DISTREAMER_SERVER, RECORDED)
async def test_the_server_answers_the_recorded_client_as_it_was_answered() -> None:
    """Every fragment byte for byte and the same lists: its store comes to hold what the recorded one held. The client
    asks for one fragment that is gone by then."""
    programme = recorded_programme("poll")
    aligned = AlignedStore(programme)
    lists = iter(programme.lists)
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
    module = DiStreamerServer(settings, aligned.context())
    statuses = []
    async with listening(module) as port:
        for recorded in connections("poll"):
            if subject_of(recorded) == "list":
                aligned.fill_for(next(lists))
            elif b" 404 " in recorded.server_pieces[0]:
                # The recorded server had one more when it said so.
                aligned.fill(13)
            answer = read_http(await exchange(port, recorded.client_pieces))
            check_answer(answer, recorded)
            statuses.append(answer.status)
        [link] = module.links()
        assert (link.peer, link.carrier, link.fragments) == ("127.0.0.1", "DiStreamer 2", 22)
    assert statuses.count(404) == 1
    assert statuses.count(200) == len(connections("poll")) - 1


@proves(DISTREAMER_SERVER, RECORDED)
async def test_the_server_refuses_the_recorded_client_where_it_has_another_password() -> None:
    aligned = AlignedStore(recorded_programme("poll"))
    aligned.fill(30)
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password="another")
    async with listening(DiStreamerServer(settings, aligned.context())) as port:
        for recorded in connections("poll"):
            answer = read_http(await exchange(port, recorded.client_pieces))
            assert (answer.status, answer.body) == (403, b"Invalid password")
