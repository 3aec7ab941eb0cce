"""The reversed persistent pair, each half against what a DiStreamer 2 said in a recording."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from distreamer.errors import AuthenticationError
from distreamer.inputs.distreamer_pers_rev_server import DiStreamerPersRevServer, DiStreamerPersRevServerSettings
from distreamer.outputs.distreamer_pers_rev_client import DiStreamerPersRevClient, DiStreamerPersRevClientSettings
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.aligned_store import AlignedStore, RecordedReceiver
from tests.support.input_context import input_context
from tests.support.legacy_wire import read_until
from tests.support.listening_modules import exchange, listening
from tests.support.memory_peers import MemoryPeers, running
from tests.support.module_table import DISTREAMER_PERS_REV_CLIENT, DISTREAMER_PERS_REV_SERVER, RECORDED, proves
from tests.support.recorded_programme import EVERY_FRAME, recorded_programme
from tests.support.virtual_time import virtual_time

PASSWORDS = {"persrev": PASSWORD, "ogg-pers": ""}
RECORDINGS = pytest.mark.parametrize("name", ["persrev", "ogg-pers"])
"""A pusher sends what a persistent server sends, so the recording of Ogg serves here too."""
NOTHING_HELD = b"ok|\r\n"
WRONG_PASSWORD = b"err|Invalid password\r\n"


def pushed(name: str) -> Iterable[bytes]:
    """All that the recorded pusher sent, in its pieces."""
    (recorded,) = connections(name)
    return recorded.client_pieces if name == "persrev" else [b"\r\n", *recorded.server_pieces]


@proves(DISTREAMER_PERS_REV_SERVER, RECORDED)
@RECORDINGS
async def test_the_server_takes_all_that_the_recorded_client_pushed(name: str) -> None:
    context = input_context(EVERY_FRAME)
    settings = DiStreamerPersRevServerSettings(hostname="127.0.0.1", port=0, password=PASSWORDS[name])
    async with listening(DiStreamerPersRevServer(settings, context)) as port:
        # It closes when it has taken all and sees the end.
        assert await exchange(port, pushed(name), ends=True) == connections("persrev")[0].server == NOTHING_HELD
    recorded_programme(name).check(context.store)


@proves(DISTREAMER_PERS_REV_SERVER, RECORDED)
async def test_the_server_refuses_the_recorded_client_where_it_has_another_password() -> None:
    context = input_context(EVERY_FRAME)
    settings = DiStreamerPersRevServerSettings(hostname="127.0.0.1", port=0, password="another")
    async with listening(DiStreamerPersRevServer(settings, context)) as port:
        assert await exchange(port, [connections("persrev")[0].client_pieces[0]]) == WRONG_PASSWORD
    assert not context.store.epochs


@proves(DISTREAMER_PERS_REV_CLIENT, RECORDED)
@RECORDINGS
@virtual_time(seconds_limit=600)
async def test_the_client_pushes_what_the_recorded_client_pushed(name: str) -> None:
    """Every fragment byte for byte and the same lists: its store comes to hold what the recorded one held."""
    aligned = AlignedStore(recorded_programme(name))
    receiver = RecordedReceiver(aligned)

    async def take(stream: MemoryStream) -> None:
        opening = await read_until(stream, b"\r\n")
        assert opening == PASSWORDS[name].encode() + b"\r\n"
        await stream.write(NOTHING_HELD)
        while not receiver.is_at_end:
            data = await stream.read()
            assert data
            receiver.feed(data)
        at_end.set()
        await stream.read()

    at_end = asyncio.Event()
    async with MemoryPeers(take) as peers:
        settings = DiStreamerPersRevClientSettings(serverurl="http://far:1", password=PASSWORDS[name])
        client = DiStreamerPersRevClient(settings, aligned.context(), peers.dial)
        async with running(client):
            await at_end.wait()
            [link] = client.links()
            assert (link.connected, link.carrier) == (True, "DiStreamer 2")
    assert peers.dialled == 1


@virtual_time(seconds_limit=600)
async def test_the_client_pushes_nothing_again_that_the_server_holds() -> None:
    """As a recorded server would answer to which the connection was cut behind fragment 33."""
    aligned = AlignedStore(recorded_programme("persrev"))
    aligned.fill(35)
    fragments = aligned.programme.fragments
    expected = b"oggheader|0\r\n\r\n34|16384\r\n" + fragments[34] + b"\r\n35|16384\r\n" + fragments[35] + b"\r\nlist|"
    came = bytearray()
    enough = asyncio.Event()

    async def take(stream: MemoryStream) -> None:
        await read_until(stream, b"\r\n")
        await stream.write(b"ok|31/32/33\r\n")
        while len(came) < len(expected):
            came.extend(await stream.read())
        enough.set()

    async with MemoryPeers(take) as peers:
        settings = DiStreamerPersRevClientSettings(serverurl="http://far:1", password=PASSWORD)
        async with running(DiStreamerPersRevClient(settings, aligned.context(), peers.dial)):
            await enough.wait()
    assert came.startswith(expected)


@virtual_time(seconds_limit=600)
async def test_the_client_says_that_its_password_was_refused() -> None:
    async def refuse(stream: MemoryStream) -> None:
        assert await read_until(stream, b"\r\n") == b"wrong\r\n"
        await stream.write(WRONG_PASSWORD)

    context = AlignedStore(recorded_programme("persrev")).context()
    async with MemoryPeers(refuse) as peers:
        settings = DiStreamerPersRevClientSettings(serverurl="http://far:1", password="wrong")
        with pytest.raises(AuthenticationError, match="does not accept the PASSWORD of this side"):
            await DiStreamerPersRevClient(settings, context, peers.dial).run()
