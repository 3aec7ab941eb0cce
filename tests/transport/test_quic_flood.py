"""What a few small packets a second of a stranger may cost: little, and always the same."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from typing import cast

import pytest

from distreamer.errors import DiStreamerError
from distreamer.protocol.native.lanes import MOST_LANES_AHEAD
from distreamer.protocol.native.messages import FragmentHead, Ping, encode
from distreamer.transport.quic import QuicMessages
from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.quic_limits import MOST_DATAGRAM_BYTES, MOST_GAPS, MOST_HANDSHAKE_GAPS
from tests.support.quic_server import WANT
from tests.support.quic_stage import Stage, first_packet, numbers
from tests.support.virtual_time import virtual_time


def gaps(connection: LiveConnection) -> int:
    quic = connection._quic
    streams = [*quic._crypto_streams.values(), *quic._streams.values()]
    return sum(len(stream.receiver._ranges) for stream in streams)


def bytes_with_gaps(kind: tuple[int, ...], count: int) -> Iterator[bytes]:
    """Frames of one byte each, every second one, in packets."""
    for first in range(0, count, 100):
        yield b"".join(numbers(*kind, 2 * at + 1, 1) + b"x" for at in range(first, min(first + 100, count)))


@virtual_time(seconds_limit=1_000)
async def test_a_stranger_who_leaves_gaps_everywhere_is_forgotten() -> None:
    """What he costs grows with each of them, and his address may be anyone's."""
    stage = Stage()
    for number, frames in enumerate(bytes_with_gaps((6,), 1_000)):
        stage.hear(first_packet(frames, b"victim!!", number))
        assert all(gaps(cast(LiveConnection, one)) <= MOST_HANDSHAKE_GAPS for one in stage.listener._connections)
    assert stage.listener.connections == 0
    await stage.is_sound()


@pytest.mark.parametrize("stream", [0, 2], ids=["control stream", "stream of a body"])
@virtual_time(seconds_limit=1_000)
async def test_a_peer_who_leaves_gaps_everywhere_loses_the_connection(stream: int) -> None:
    stage = Stage()
    hostile = stage.client()
    await hostile.shake_hands()
    connection = hostile.at_server
    for frames in bytes_with_gaps((0x0E, stream), 2_000):
        hostile.frames(frames)
    assert "gaps" in connection.fault
    assert connection.is_breach
    assert gaps(connection) <= MOST_GAPS + 100
    await asyncio.sleep(1)
    assert "gaps" in stage.ended[0]
    await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_packets_larger_than_any_path_carries_are_not_looked_at() -> None:
    stage = Stage()
    frames = next(bytes_with_gaps((6,), 60))
    stage.hear(first_packet(frames, b"victim!!", size=MOST_DATAGRAM_BYTES + 1))
    assert stage.listener.connections == 0
    hostile = stage.client()
    await hostile.shake_hands()
    connection = hostile.at_server
    for size in (MOST_DATAGRAM_BYTES + 100, MOST_DATAGRAM_BYTES - 100):
        assert not connection._quic._streams
        hostile.frames(numbers(0x0A, 0, size) + bytes(size), size=2_000)
    assert connection._quic._streams
    await stage.is_sound()


async def wants(carrier: QuicMessages) -> None:
    """Takes whatever comes."""
    await carrier.send(WANT)
    with contextlib.suppress(DiStreamerError):
        while True:
            await carrier.receive()


def one_body(lane: int, *, needs: int = 0) -> bytes:
    """A STREAM frame with the whole of it."""
    stream = struct.pack(">IIIB", needs, 0, 1, FragmentHead.TYPE)
    return numbers(0x0B, 4 * lane + 2, len(stream)) + stream


@virtual_time(seconds_limit=1_000)
async def test_audio_that_nobody_asked_for_is_not_kept() -> None:
    stage = Stage()
    stranger = stage.client()
    await stranger.shake_hands()
    connection = stranger.at_server
    stranger.frames(one_body(0, needs=9))
    assert connection.fault == "sent audio that nobody asked for"
    assert connection.is_breach
    await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_only_so_many_bodies_may_begin_before_the_first_is_taken() -> None:
    for ahead in (MOST_LANES_AHEAD - 1, MOST_LANES_AHEAD):
        stage = Stage()
        echo, stage.listener._accept = stage.listener._accept, wants
        sender = stage.client()
        await sender.shake_hands()
        await sender.say(encode(Ping(id=1)))
        stage.listener._accept = echo
        connection = sender.at_server
        for lane in range(5):
            sender.frames(one_body(lane))
        sender.frames(one_body(5 + ahead, needs=9))
        await sender.pump()
        assert connection.fault == ("" if ahead < MOST_LANES_AHEAD else "Too many streams open")
        await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_as_bodies_are_taken_more_may_begin() -> None:
    stage = Stage()
    echo, stage.listener._accept = stage.listener._accept, wants
    sender = stage.client()
    await sender.shake_hands()
    await sender.say(encode(Ping(id=1)))
    stage.listener._accept = echo
    for number in range(10 * MOST_LANES_AHEAD):
        stream = sender.library.get_next_available_stream_id(is_unidirectional=True)
        sender.library.send_stream_data(stream, struct.pack(">IIIB", 0, 0, 1, FragmentHead.TYPE), end_stream=True)
        if number % 16 == 15:
            await sender.pump()
            assert sender.at_server.inbox.lanes_taken == number + 1
            assert not sender.library._streams_blocked_uni
    assert not sender.at_server.fault
    await sender.close()
    await stage.is_sound()
