"""Running programs talk with a second peer that was written from docs/protocol.md alone, over both carriers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from distreamer.transport.relay import Relay
from tests.support.audio_samples import demuxed, encoded
from tests.support.independent_carriers import Carrier, Dial, quic_to, websocket_to
from tests.support.independent_peer import Conversation, Goodbye, Receiver
from tests.support.independent_programs import ROUND_SECONDS, described, playing, song, taking
from tests.support.independent_sender import Sender
from tests.support.instances import free_port
from tests.support.module_table import DISTREAMER_REV_SERVER, DISTREAMER_SERVER, NATIVE_WIRE, proves
from tests.support.udp_relay import UdpRelay

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

CARRIERS: dict[str, Dial] = {"websocket": websocket_to, "quic": quic_to}


@asynccontextmanager
async def breakable(port: int) -> AsyncIterator[tuple[int, Callable[[], None], Callable[[], None]]]:
    """A link to that port for both carriers: its port, and what cuts and restores it."""
    async with Relay("127.0.0.1", port, port=free_port()) as relay, UdpRelay(port, relay.port) as udp:

        def cut() -> None:
            relay.cut()
            udp.cut()

        def restore() -> None:
            relay.restore()
            udp.restore()

        yield relay.port, cut, restore


def rounds(receiver: Receiver) -> list[bytes]:
    """The audio of each round of the file: what follows a discontinuity begins a new one."""
    found: list[bytes] = []
    for _, each in sorted(receiver.songs.items()):
        if not found or each.header.get("discontinuity"):
            found.append(each.setup)
        found[-1] += each.audio
    return found


@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    ("codec", "container", "password"), [("libmp3lame", "mp3", ""), ("libvorbis", "ogg", "grün & leise")]
)
async def test_a_file_comes_whole_and_after_a_cut_comes_what_is_missing(
    tmp_path: Path, codec: str, container: str, password: str, carrier: str
) -> None:
    receiver = Receiver(password)
    async with playing(tmp_path, codec, password) as port, breakable(port) as (link, cut, restore):
        async with receiver.dial(link, CARRIERS[carrier]) as conversation:
            await receiver.want(conversation)
            while len(receiver.arrivals) < 4:
                await receiver.take(conversation)
            cut()
        first, lost = receiver.arrivals[0], receiver.arrivals[1]
        del receiver.songs[lost]
        restore()
        async with receiver.dial(link, CARRIERS[carrier]) as conversation:
            await receiver.want(conversation)
            while len(receiver.arrivals) < 4 + 1 + 5:
                await receiver.take(conversation)
    epoch, start = first
    assert receiver.arrivals[:4] == [(epoch, start + place) for place in range(4)]
    assert receiver.arrivals[4:] == [lost, *((epoch, start + place) for place in range(4, 9))]
    assert all(bool(each.setup) == (container == "ogg") for each in receiver.songs.values())
    original = [packet.data for packet in demuxed(encoded(codec, seconds=ROUND_SECONDS), container)]
    whole, *others = rounds(receiver)
    assert [packet.data for packet in demuxed(whole, container)] == original
    assert len(others) >= 1


@asynccontextmanager
async def bound(dial: Dial, port: int, binding: bytes | None) -> AsyncIterator[Carrier]:
    """A carrier whose SCRAM is bound to something else than it should be."""
    async with dial(port) as carrier:
        carrier.binding = binding
        yield carrier


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_receiver_with_another_password_or_another_certificate_is_refused(tmp_path: Path, carrier: str) -> None:
    """Who stands in the middle over QUIC has a certificate of his own; a WebSocket binds to none."""
    dial = CARRIERS[carrier]
    forged = hashlib.sha256(b"another certificate").digest()
    attempts: list[tuple[str, Dial]] = [("wrong", dial), ("", dial), ("right", lambda port: bound(dial, port, forged))]
    if carrier == "quic":
        attempts.append(("right", lambda port: bound(dial, port, None)))
    async with playing(tmp_path, "libmp3lame", "right") as port:
        for password, way in attempts:
            with pytest.raises(Goodbye) as caught:
                async with Receiver(password).dial(port, way):
                    pass
            assert (caught.value.code, caught.value.mine) == ("authentication", False)
        async with Receiver("right").dial(port, dial) as conversation:
            assert conversation.peer["version"] == [3, 0]


@proves(DISTREAMER_REV_SERVER, NATIVE_WIRE)
@pytest.mark.parametrize("password", ["", "grün & leise"])
@pytest.mark.parametrize(("carrier", "onwards"), [("websocket", "quic"), ("quic", "websocket")])
async def test_what_a_sender_brings_that_dials_goes_on_as_it_was(
    tmp_path: Path, carrier: str, onwards: str, password: str
) -> None:
    songs = [song(9, number, b"OggS one" if number < 8 else b"OggS two") for number in range(1, 16)]
    sender, receiver = Sender(password), Receiver()
    await sender.offer(*songs[:10], epochs=described(9))
    async with (
        taking(tmp_path, password) as (port, next_port),
        breakable(port) as (link, cut, restore),
        receiver.dial(next_port, CARRIERS[onwards]) as conversation,
    ):
        await receiver.want(conversation)
        async with dialling(sender, link, CARRIERS[carrier]):
            await all_taken(receiver, conversation, sender)
            await sender.until(lambda: len(sender.confirmed) == 10)
            cut()
        await sender.offer(*songs[10:])
        restore()
        async with dialling(sender, link, CARRIERS[carrier]):
            await all_taken(receiver, conversation, sender)
    assert all(receiver.songs[each.name].digest() == each.digest() for each in songs)
    assert sender.wants[0]["holdings"] == []
    assert sender.wants[1]["holdings"] == [{"epoch": "9", "ranges": [[1, 10]]}]
    assert sender.sent == [each.name for each in songs]


async def all_taken(receiver: Receiver, conversation: Conversation, sender: Sender) -> None:
    """In whatever order they come: over QUIC they may overtake one another."""
    while receiver.songs.keys() != sender.songs.keys():
        await receiver.take(conversation)


@asynccontextmanager
async def dialling(sender: Sender, port: int, dial: Dial) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.dial(port, dial))
    try:
        yield
    finally:
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_sender_with_another_password_is_refused(tmp_path: Path, carrier: str) -> None:
    async with taking(tmp_path, "right") as (port, _):
        for password in ("wrong", ""):
            with pytest.raises(Goodbye) as caught:
                await Sender(password).dial(port, CARRIERS[carrier])
            assert (caught.value.code, caught.value.mine) == ("authentication", False)
