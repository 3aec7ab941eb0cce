"""The reversed polling pair, each half against what a DiStreamer 2 said in a recording."""

from __future__ import annotations

import asyncio

from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, Connection, connections
from tests.support.aligned_store import AlignedStore, known_part
from tests.support.input_context import input_context
from tests.support.legacy_wire import read_http, read_list, read_request
from tests.support.listening_modules import exchange, listening
from tests.support.memory_peers import MemoryPeers, not_native, running
from tests.support.module_table import DISTREAMER_REV_CLIENT, DISTREAMER_REV_SERVER, RECORDED, proves
from tests.support.recorded_programme import EVERY_FRAME, recorded_programme
from tests.support.virtual_time import virtual_time

RECORDED_URL = "http://127.0.0.1:9425"
"""As the Host field of the recorded requests has it."""
RECORDED_INTERVAL = 2


def is_pushed_list(recorded: Connection) -> bool:
    return recorded.request_line.startswith("POST /list")


def check_request(request: bytes, recorded: Connection) -> None:
    """Byte for byte what was recorded; but a list says the same with its headers in another order."""
    if not is_pushed_list(recorded):
        assert request == recorded.client
        return
    ours, theirs = read_http(request), read_http(recorded.client)
    assert ours.first_line == theirs.first_line
    assert list(ours.headers) == list(theirs.headers)
    assert {**ours.headers, "content-length": ""} == {**theirs.headers, "content-length": ""}
    programme = recorded_programme("rev")
    assert known_part(read_list(ours.body), programme) == known_part(read_list(theirs.body), programme)


@proves(DISTREAMER_REV_CLIENT, RECORDED)
@virtual_time(seconds_limit=600)
async def test_the_client_pushes_what_the_recorded_client_pushed() -> None:
    """The same requests in the same order: its store comes to hold what the recorded one held."""
    programme = recorded_programme("rev")
    aligned = AlignedStore(programme)
    lists = iter(programme.lists)
    aligned.fill_for(next(lists))
    script = iter(connections("rev"))
    at_end = asyncio.Event()

    async def take(stream: MemoryStream) -> None:
        request = await read_request(stream)
        recorded = next(script, None)
        if recorded is None:
            # Nothing is new: only the next question.
            assert request == connections("rev")[0].client
            at_end.set()
            await stream.read()
            return
        check_request(request, recorded)
        if is_pushed_list(recorded) and (listing := next(lists, None)):
            # Until the next round, which is due later, the recorded source brought so much.
            aligned.fill_for(listing)
        for piece in recorded.server_pieces:
            await stream.write(piece)

    async with MemoryPeers(take) as peers:
        settings = DiStreamerRevClientSettings(
            serverurl=RECORDED_URL, password=PASSWORD, httpinterval=RECORDED_INTERVAL, httptimeout=5
        )
        client = DiStreamerRevClient(settings, aligned.context(), not_native, peers.dial)
        async with running(client):
            await at_end.wait()
            [link] = client.links()
            assert (link.connected, link.carrier, link.fragments) == (True, "DiStreamer 2", 22)
    assert peers.dialled == len(connections("rev")) + 1


@proves(DISTREAMER_REV_SERVER, RECORDED)
async def test_the_server_answers_the_recorded_client_as_it_was_answered_and_takes_all_that_it_pushed() -> None:
    context = input_context(EVERY_FRAME)
    settings = DiStreamerRevServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
    module = DiStreamerRevServer(settings, context)
    async with listening(module) as port:
        for recorded in connections("rev"):
            answer, theirs = read_http(await exchange(port, recorded.client_pieces)), read_http(recorded.server)
            assert (answer.status, answer.body) == (theirs.status, theirs.body)
            assert answer.headers["server"] == "DiStreamer"
            if recorded.request_line.startswith("GET"):
                assert answer.headers["content-type"] == theirs.headers["content-type"]
                assert answer.headers["content-length"] == theirs.headers["content-length"]
        [link] = module.links()
        assert (link.connected, link.carrier, link.fragments) == (True, "DiStreamer 2", 22)
    recorded_programme("rev").check(context.store)


@proves(DISTREAMER_REV_SERVER, RECORDED)
async def test_the_server_refuses_the_recorded_client_where_it_has_another_password() -> None:
    context = input_context(EVERY_FRAME)
    settings = DiStreamerRevServerSettings(hostname="127.0.0.1", port=0, password="another")
    async with listening(DiStreamerRevServer(settings, context)) as port:
        for recorded in connections("rev")[:8]:
            answer = read_http(await exchange(port, recorded.client_pieces))
            assert (answer.status, answer.body) == (403, b"Invalid password")
    assert not context.store.epochs
