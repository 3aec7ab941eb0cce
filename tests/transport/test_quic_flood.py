"""What a few small packets a second of a stranger may cost: little, and always the same."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aioquic.quic.packet import QuicTransportParameters, push_quic_transport_parameters

from distreamer.errors import DiStreamerError
from distreamer.protocol.native.lanes import MOST_LANES_AHEAD
from distreamer.protocol.native.messages import FragmentHead, Ping, encode
from distreamer.transport import quic_acceptor
from distreamer.transport.quic import QuicMessages
from distreamer.transport.quic_connection import LINGER_SECONDS, LiveConnection
from distreamer.transport.quic_limits import MOST_DATAGRAM_BYTES, MOST_GAPS, MOST_HANDSHAKE_GAPS
from distreamer.transport.quic_recovery import MOST_ACK_DELAY_SECONDS
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
        assert all(gaps(one) <= MOST_HANDSHAKE_GAPS for one in stage.listener._connections)
    assert stage.listener.connections == 0
    await stage.is_sound()


@pytest.mark.parametrize("stream", [0, 2], ids=["control stream", "stream of a body"])
@virtual_time(seconds_limit=1_000)
async def test_a_peer_who_leaves_gaps_everywhere_loses_the_connection(stream: int) -> None:
    stage = Stage()
    hostile = stage.client()
    await hostile.shake_hands()
    there = hostile.at_server
    for frames in bytes_with_gaps((0x0E, stream), 2_000):
        hostile.frames(frames)
    assert "gaps" in there.fault
    assert there.is_breach
    assert gaps(there) <= MOST_GAPS + 100
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
    there = hostile.at_server
    for size in (MOST_DATAGRAM_BYTES + 100, MOST_DATAGRAM_BYTES - 100):
        assert not there._quic._streams
        hostile.frames(numbers(0x0A, 0, size) + bytes(size), size=2_000)
    assert there._quic._streams
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


@pytest.mark.parametrize("frame", [one_body(0, needs=9), one_body(0), numbers(0x04, 2, 0, 0)])
@virtual_time(seconds_limit=1_000)
async def test_audio_that_nobody_asked_for_is_not_kept(frame: bytes) -> None:
    stage = Stage()
    stranger = stage.client()
    await stranger.shake_hands()
    there = stranger.at_server
    stranger.frames(frame)
    assert there.fault == "sent audio that nobody asked for"
    assert there.is_breach
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
        there = sender.at_server
        for lane in range(5):
            sender.frames(one_body(lane))
        sender.frames(one_body(5 + ahead, needs=9))
        await sender.pump()
        assert there.fault == ("" if ahead < MOST_LANES_AHEAD else "Too many streams open")
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


# -- room for others


@pytest.mark.parametrize("most", [25, 16_000])
@virtual_time(seconds_limit=1_000)
async def test_one_who_says_nothing_has_a_place_only_as_long_as_the_conversation_lasts(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever delay of its acknowledgements a peer announces (``most``, milliseconds)."""

    def announced(buffer: Any, parameters: QuicTransportParameters) -> None:
        parameters.max_ack_delay = most
        push_quic_transport_parameters(buffer, parameters)

    async def a_while(carrier: QuicMessages) -> None:
        await asyncio.sleep(5)

    stage = Stage()
    echo, stage.listener._accept = stage.listener._accept, a_while
    monkeypatch.setattr("aioquic.quic.connection.push_quic_transport_parameters", announced)
    stranger = stage.client()
    await stranger.shake_hands()
    monkeypatch.undo()
    stage.listener._accept = echo
    at_server = stranger.at_server
    assert at_server._quic._loss.max_ack_delay <= MOST_ACK_DELAY_SECONDS
    await asyncio.sleep(4)
    assert stage.listener.connections == 1
    await asyncio.sleep(1.01)
    assert stage.listener.connections == 0
    await asyncio.sleep(LINGER_SECONDS)
    assert not stage.listener._connections
    assert not stage.listener._protocols
    await stage.is_sound()


@virtual_time(seconds_limit=10_000)
async def test_that_there_is_no_room_is_told_again_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_acceptor, "MOST_CONNECTIONS", 0)
    stage = Stage()
    for minute in range(130):
        stage.hear(first_packet(b"\x01", minute.to_bytes(8)))
        await asyncio.sleep(60)
    refusals = [call.kwargs["refused"] for call in stage.said.calls]
    assert refusals == [1, 61, 121]


@pytest.mark.parametrize("is_ending", [False, True])
@virtual_time(seconds_limit=1_000)
async def test_a_short_packet_gets_no_answer_that_is_longer_than_itself(is_ending: bool) -> None:
    """It may bear anyone's address."""
    stage = Stage()
    unknown_version = b"\xc0\x0a\x0a\x0a\x0a\x08" + bytes(8) + b"\x08" + bytes(8)
    stage.hear(unknown_version.ljust(1_200, b"\0"))
    assert len(stage.air.sent) == 1
    if is_ending:
        await stage.listener.end()
        stage.hear(unknown_version.ljust(1_200, b"\0"))
    stage.hear(unknown_version)
    stage.hear(unknown_version.ljust(1_199, b"\0"))
    assert len(stage.air.sent) == 1
