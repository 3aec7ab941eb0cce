"""What a few small packets a second of a stranger may cost: little, and always the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest

from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.quic_limits import MOST_DATAGRAM_BYTES, MOST_GAPS, MOST_HANDSHAKE_GAPS
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
