"""The persistent modules of DiStreamer 2, each with its counterpart and with what was recorded of a DiStreamer 2."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext, LegacyShape, Module, OutputContext
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, ConfigError, LinkError
from distreamer.inputs.distreamer_pers_client import DiStreamerPersClient, DiStreamerPersClientSettings
from distreamer.inputs.distreamer_pers_rev_server import DiStreamerPersRevServer, DiStreamerPersRevServerSettings
from distreamer.model.audio import Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.outputs.distreamer_pers_rev_client import DiStreamerPersRevClient, DiStreamerPersRevClientSettings
from distreamer.outputs.distreamer_pers_server import DiStreamerPersServer, DiStreamerPersServerSettings
from distreamer.protocol.legacy.listing import Listing
from distreamer.protocol.legacy.persistent import MessageReader, NumberedFragment
from distreamer.protocol.legacy.renderer import FragmentRenderer
from distreamer.sessions import wrong_passwords
from distreamer.sessions.legacy_receiving import LegacyReceiver, receive_messages
from distreamer.sessions.legacy_sending import RenderedStore, send_rounds
from distreamer.sessions.wrong_passwords import FREE_TRIES
from distreamer.transport.memory import memory_pipe
from tests.protocol.legacy.recordings import PASSWORD, connections, fragments_of
from tests.support.input_context import capturing_log, input_context, stored_audio, stored_titles
from tests.support.listening_modules import until
from tests.support.made_audio import INFO, MP3_FRAME_BYTES, fragment
from tests.support.module_table import (
    DISTREAMER_PERS_CLIENT,
    DISTREAMER_PERS_REV_CLIENT,
    DISTREAMER_PERS_REV_SERVER,
    DISTREAMER_PERS_SERVER,
    OLD_WIRE,
    RECORDED,
    proves,
)
from tests.support.native_network import output_context
from tests.support.virtual_time import virtual_time

LIMIT_SECONDS = 60
"""A bound, not an expectation."""
SHAPE = LegacyShape(fragment_bytes=16_384, fragments=5, icyint=8_192)


def titled(number: int) -> Fragment:
    """A second of programme; each third begins a song in its middle."""
    one = fragment(number)
    song = Title(f"Song {number // 3}")
    marks = (TitleMark(10 * MP3_FRAME_BYTES, song),) if number % 3 == 0 else ()
    return replace(one, title=Title(f"Song {(number - 1) // 3}"), title_marks=marks)


def filled(first: int, last: int, store: Store | None = None) -> Store:
    store = store or Store()
    store.open_epoch(1, INFO)
    for number in range(first, last + 1):
        store.add(titled(number))
    return store


def sender_context(store: Store, said: CapturingLogger | None = None) -> OutputContext:
    return replace(output_context(store, capturing_log(said)), legacy=SHAPE)


class Serving(Module, Protocol):
    """A module that listens."""

    @property
    def address(self) -> tuple[str, int] | None: ...


@asynccontextmanager
async def running(module: Module) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(module.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def listening(module: Serving) -> AsyncIterator[int]:
    """The port of a module that serves until the block ends."""
    async with running(module) as task:
        await until(lambda: module.address is not None or task.done())
        assert module.address is not None
        yield module.address[1]


def assert_carried(source: Store, context: InputContext) -> None:
    """What arrived is the end of what was sent, from a frame on, with its titles in their places."""
    sent, got = stored_audio(source), stored_audio(context.store)
    assert len(got) > 50_000
    place = sent.find(got)
    assert place >= 0
    expected = [(at - place, text) for at, text in stored_titles(source) if at > place]
    came = [(at, text) for at, text in stored_titles(context.store) if at > 0]
    # A title moves to the next metadata block, and from there to the next frame.
    for (at, text), (told_at, told) in zip(expected, came, strict=False):
        assert text == told
        assert at <= told_at <= at + SHAPE.icyint + MP3_FRAME_BYTES
    assert len(came) >= len(expected) - 1


def pers_server(context: OutputContext, password: str = "") -> DiStreamerPersServer:
    settings = DiStreamerPersServerSettings(hostname="127.0.0.1", port=0, password=password, interval=0.1)
    return DiStreamerPersServer(settings, context)


def pers_client(port: int, context: InputContext, password: str = "") -> DiStreamerPersClient:
    settings = DiStreamerPersClientSettings(serverurl=f"http://127.0.0.1:{port}", password=password)
    return DiStreamerPersClient(settings, context)


def rev_server(context: InputContext, password: str = "") -> DiStreamerPersRevServer:
    settings = DiStreamerPersRevServerSettings(hostname="127.0.0.1", port=0, password=password)
    return DiStreamerPersRevServer(settings, context)


def rev_client(port: int, context: OutputContext, password: str = "") -> DiStreamerPersRevClient:
    settings = DiStreamerPersRevClientSettings(serverurl=f"http://127.0.0.1:{port}", password=password, interval=0.1)
    return DiStreamerPersRevClient(settings, context)


@proves(DISTREAMER_PERS_SERVER, OLD_WIRE)
@proves(DISTREAMER_PERS_CLIENT, OLD_WIRE)
@pytest.mark.parametrize("password", ["", "pässword"])
async def test_a_client_gets_the_programme_and_goes_on_after_a_cut(password: str) -> None:
    source, context = filled(1, 12), input_context()
    async with listening(pers_server(sender_context(source), password)) as port:
        client = pers_client(port, context, password)
        async with running(client):
            await until(lambda: len(stored_audio(context.store)) > 60_000)
            assert client.links()[0].connected
        before = len(stored_audio(context.store))
        filled(13, 17, source)
        async with running(client):
            await until(lambda: len(stored_audio(context.store)) > before + 70_000)
    assert_carried(source, context)
    assert [one.discontinuity for one in context.store if one.discontinuity] == []


@proves(DISTREAMER_PERS_REV_SERVER, OLD_WIRE)
@proves(DISTREAMER_PERS_REV_CLIENT, OLD_WIRE)
@pytest.mark.parametrize("password", ["", "pässword"])
async def test_a_pusher_brings_the_programme_and_goes_on_after_a_cut(password: str) -> None:
    source, context = filled(1, 12), input_context()
    server = rev_server(context, password)
    async with listening(server) as port:
        client = rev_client(port, sender_context(source), password)
        async with running(client):
            await until(lambda: len(stored_audio(context.store)) > 60_000)
            assert server.links()[0].connected
        await until(lambda: server.links() == ())
        before = len(stored_audio(context.store))
        filled(13, 17, source)
        async with running(client):
            await until(lambda: len(stored_audio(context.store)) > before + 70_000)
    assert_carried(source, context)


def refusals(said: CapturingLogger) -> list[tuple[str, str, str]]:
    return [
        (call.method_name, call.kwargs["event"], call.kwargs["reason"])
        for call in said.calls
        if "was refused" in call.kwargs["event"]
    ]


async def test_a_wrong_password_is_refused_and_told_on_both_sides() -> None:
    said = CapturingLogger()
    async with listening(pers_server(sender_context(filled(1, 3), said), "right")) as port:
        with pytest.raises(AuthenticationError, match=r"does not accept the PASSWORD of this side.*Password incorrect"):
            await pers_client(port, input_context(), "wrong").run()
        assert refusals(said) == [("warning", "a receiver was refused", "wrong password")]
    said = CapturingLogger()
    async with listening(rev_server(input_context(log=said), "right")) as port:
        with pytest.raises(AuthenticationError, match=r"does not accept the PASSWORD of this side.*Invalid password"):
            await rev_client(port, sender_context(filled(1, 3)), "wrong").run()
    assert refusals(said) == [("warning", "a sender was refused", "wrong password")]


@pytest.mark.parametrize("is_reversed", [False, True])
async def test_who_guesses_has_to_wait_and_does_not_fill_the_log(
    is_reversed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrong_passwords, "is_of_this_machine", lambda host: False)
    monkeypatch.setattr(wrong_passwords, "FIRST_PAUSE_SECONDS", 60.0)
    said = CapturingLogger()
    source = sender_context(filled(1, 3), said)
    server = rev_server(input_context(log=said), "right") if is_reversed else pers_server(source, "right")
    async with listening(server) as port:

        async def refused(password: str) -> str:
            one = rev_client(port, source, password) if is_reversed else pers_client(port, input_context(), password)
            with pytest.raises(AuthenticationError) as error:
                await one.run()
            return error.value.reason

        for _ in range(FREE_TRIES + 1):
            assert re.search("Password incorrect|Invalid password", await refused("wrong"))
        assert re.search(r"too many wrong passwords came from 127\.0\.0\.1; .* in [456]\d s", await refused("right"))
    assert server.wrong_passwords == FREE_TRIES + 1
    assert server.wrong_password_seconds is not None
    assert [level for level, *_ in refusals(said)] == ["warning", *["debug"] * FREE_TRIES]


async def test_a_newer_pusher_replaces_an_older_one() -> None:
    context = input_context()
    server = rev_server(context)
    async with listening(server) as port:
        reader, ghost = await asyncio.open_connection("127.0.0.1", port)
        ghost.write(b"\r\n")
        assert await reader.readline() == b"ok|\r\n"
        async with running(rev_client(port, sender_context(filled(1, 12)))):
            await until(lambda: len(stored_audio(context.store)) > 60_000)
            assert await reader.read() == b""
        ghost.close()


async def test_the_server_says_who_is_connected() -> None:
    source = filled(1, 12)
    async with listening(pers_server(sender_context(source))) as port, running(pers_client(port, input_context())):
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /stats HTTP/1.0\r\n\r\n")
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
                writer.close()
                if json.loads(body)["connectedClients"] == 1:
                    break
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert len(json.loads(body)["fragmentsList"]) == 5


async def test_what_is_no_request_ends_only_its_own_connection() -> None:
    context = input_context()
    async with listening(pers_server(sender_context(filled(1, 12)))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        async with running(pers_client(port, context)):
            await until(lambda: len(stored_audio(context.store)) > 50_000)


def test_a_password_that_the_wire_cannot_carry_is_refused_at_the_start() -> None:
    async def make() -> None:
        pers_client(1, input_context(), "with a space")

    with pytest.raises(ConfigError, match="input: a password with spaces"):
        asyncio.run(make())


@proves(DISTREAMER_PERS_CLIENT, RECORDED)
@pytest.mark.parametrize("name", ["pers", "ogg-pers"])
async def test_our_client_takes_what_a_recorded_server_said(name: str) -> None:
    (recorded,) = connections(name)
    asked = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(await reader.readuntil(b"\r\n\r\n"))
        for piece in recorded.server_pieces:
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    context = input_context()
    async with server:
        client = pers_client(server.sockets[0].getsockname()[1], context, "" if name == "ogg-pers" else PASSWORD)
        with pytest.raises(LinkError, match="closed the connection"):
            await client.run()
    assert await asked == recorded.client
    assert len(stored_audio(context.store)) > 0.8 * sum(map(len, fragments_of(name).values()))
    assert stored_titles(context.store)


@proves(DISTREAMER_PERS_REV_SERVER, RECORDED)
async def test_our_server_takes_a_recorded_pusher() -> None:
    (recorded,) = connections("persrev")
    context = input_context()
    async with listening(rev_server(context, PASSWORD)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(recorded.client)
        assert await reader.readline() == recorded.server
        writer.close()
        await until(lambda: len(stored_audio(context.store)) > 0.8 * sum(map(len, fragments_of("persrev").values())))


@proves(DISTREAMER_PERS_SERVER, RECORDED)
async def test_a_recorded_client_is_served_by_our_server() -> None:
    async with listening(pers_server(sender_context(filled(1, 12)), PASSWORD)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connections("pers")[0].client)
        messages = MessageReader()
        numbers: list[int] = []
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(numbers) < 5:
                messages.receive_data(await reader.read(65_536))
                while (message := messages.next_message()) is not None:
                    if isinstance(message, NumberedFragment):
                        assert len(message.data) == SHAPE.fragment_bytes
                        numbers.append(message.number)
        writer.close()
    assert numbers == list(range(numbers[0], numbers[0] + 5))


@virtual_time(seconds_limit=120)
async def test_a_silent_sender_and_a_stuck_receiver_are_noticed() -> None:
    near, far = memory_pipe()
    context = input_context()
    receiver = LegacyReceiver(context.ingest, context.clock, list_closes_round=True)
    with pytest.raises(LinkError, match="nothing came for 5 s"):
        await receive_messages(near, receiver, 5)
    rendered = RenderedStore(filled(1, 12), FragmentRenderer(81_920, 5, 8_192))
    with pytest.raises(LinkError, match="did not take 81931 bytes within 60 s"):
        await send_rounds(far, rendered, (), 1, 60)


async def test_what_no_list_has_named_is_not_said_to_be_held_when_the_next_conversation_begins() -> None:
    """It is dropped there, so that the sender would leave it out for ever."""
    context = input_context()
    receiver = LegacyReceiver(context.ingest, context.clock, list_closes_round=True)
    receiver.parser.take_fragment(1, bytes(100))
    receiver.parser.take_list(Listing(fragmentslist=(1,), icyint=0, sourcegen=1))
    receiver.pass_on()
    receiver.parser.take_fragment(2, bytes(100))
    assert receiver.begin_conversation() == (1,)
    receiver.parser.take_fragment(2, bytes(100))
    receiver.parser.take_list(Listing(fragmentslist=(1, 2), icyint=0, sourcegen=1))
    assert receiver.begin_conversation() == (1, 2)
