"""What strangers and hostile peers may send over QUIC: nothing of it ends more than their own connection."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import DiStreamerError
from distreamer.protocol.native.messages import Ping, encode
from distreamer.transport import quic_inbox, quic_lanes
from distreamer.transport.quic_acceptor import HANDSHAKE_SECONDS, MOST_CONNECTIONS
from distreamer.transport.quic_connection import IDLE_SECONDS, LiveConnection
from distreamer.transport.quic_limits import CONNECTION_BYTES, FIRST_BYTES
from tests.support.quic_stage import Stage, first_packet, numbers
from tests.support.virtual_time import run_virtual, virtual_time

NUMBER = st.one_of(st.integers(0, 16), st.sampled_from([63, 64, 1_199, 16_383, 2**30 - 1, 2**30, 2**62 - 1]))
FRAME = st.builds(
    lambda kind, values, rest: numbers(kind, *values) + rest,
    st.one_of(st.integers(0, 0x1F), st.sampled_from([0x30, 0x31, 0x40])),
    st.lists(NUMBER, max_size=5),
    st.binary(max_size=30),
)
FRAMES = st.lists(FRAME, min_size=1, max_size=4).map(b"".join).filter(lambda data: 0 < len(data) < 1_000)


@settings(deadline=None, max_examples=60)
@given(st.lists(FRAMES, min_size=1, max_size=6))
def test_whatever_frames_a_peer_sends_only_its_own_connection_ends(said: list[bytes]) -> None:
    async def story() -> None:
        stage = Stage()
        hostile = stage.client()
        await hostile.shake_hands()
        await hostile.say(encode(Ping(id=1)))
        for frames in said:
            hostile.frames(frames)
        await asyncio.sleep(1)
        await stage.is_sound()

    run_virtual(story(), 1_000)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(FRAMES, st.binary(min_size=8, max_size=20)), min_size=1, max_size=5))
def test_whatever_frames_a_stranger_begins_with_nothing_comes_of_it(said: list[tuple[bytes, bytes]]) -> None:
    async def story() -> None:
        stage = Stage()
        for frames, name in said:
            stage.hear(first_packet(frames, name))
        await asyncio.sleep(1)
        await stage.is_sound()

    run_virtual(story(), 1_000)


@virtual_time(seconds_limit=1_000)
async def test_garbage_and_packets_that_were_changed_on_the_way_are_dropped() -> None:
    stage = Stage()
    chance = random.Random(5)
    client = stage.client()
    real: list[bytes] = []
    hear = stage.listener.datagram_received

    def overheard(data: bytes | str, addr: Any) -> None:
        assert isinstance(data, bytes)
        real.append(data)
        hear(data, addr)

    stage.listener.datagram_received = overheard  # type: ignore[method-assign]
    await client.shake_hands()
    await client.say(encode(Ping(id=1)))
    stage.listener.datagram_received = hear  # type: ignore[method-assign]
    for _ in range(1_500):
        packet = bytearray(chance.choice(real) if chance.random() < 0.8 else chance.randbytes(chance.randrange(1_400)))
        for _ in range(chance.randrange(1, 4)):
            if packet:
                packet[chance.randrange(len(packet))] = chance.randrange(256)
        if chance.random() < 0.2:
            del packet[chance.randrange(len(packet) + 1) :]
        stage.hear(bytes(packet), client.address if chance.random() < 0.5 else ("203.0.113.9", 666))
    assert stage.listener.connections <= MOST_CONNECTIONS
    # Whoever is connected notices nothing.
    await client.say(encode(Ping(id=2)))
    assert encode(Ping(id=2)) in bytes(client.heard)
    await client.close()
    await stage.is_sound()
    assert stage.defects() == 0


@pytest.mark.parametrize("where", ["receive_datagram", "datagrams_to_send", "handle_timer", "send_stream_data"])
@virtual_time(seconds_limit=1_000)
async def test_a_defect_of_the_library_ends_only_the_connection_that_met_it(where: str) -> None:
    stage = Stage()
    hostile, honest = stage.client(), stage.client()
    await hostile.shake_hands()
    await honest.shake_hands()
    await hostile.say(encode(Ping(id=1)))

    def broken(*args: object, **options: object) -> Any:
        raise IndexError("pop from empty list")

    setattr(hostile.at_server._quic, where, broken)
    await hostile.say(encode(Ping(id=2)))
    await asyncio.sleep(IDLE_SECONDS + 10)
    assert stage.defects() == 1
    assert "pop from empty list" in str(stage.said.calls)
    assert stage.ended
    assert "a defect in the QUIC library here ended it" in stage.ended[0]
    await stage.is_sound()


# -- memory


def held(connection: LiveConnection) -> int:
    """Bytes that aioquic has reserved for what comes out of order."""
    return sum(len(stream.receiver._buffer) for stream in connection._quic._streams.values())


@virtual_time(seconds_limit=1_000)
async def test_a_few_packets_with_large_gaps_take_no_memory() -> None:
    stage = Stage()
    hostile = stage.client()
    await hostile.shake_hands()
    most = 0
    connection = hostile.at_server
    for stream in range(100):
        hostile.frames(numbers(0x0E, 4 * stream + 2, FIRST_BYTES // 4 - 2, 1) + b"x")
        most = max(most, held(connection))
        if connection.fault:
            break
    assert FIRST_BYTES // 2 < most <= FIRST_BYTES
    await asyncio.sleep(1)
    assert "Over connection data limit" in connection.fault
    await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_after_hours_of_audio_the_bound_is_still_one() -> None:
    stage = Stage()
    hostile = stage.client()
    await hostile.shake_hands()
    sent = 0
    while sent < 5 * CONNECTION_BYTES:
        message = b"\x41\x00\x02{}" + bytes(60_000)
        hostile.library.send_stream_data(0, struct.pack(">I", len(message)) + message)
        sent += len(message) + 4
        await hostile.pump(rounds=3)
        await asyncio.sleep(0.01)
    for _ in range(20):
        await hostile.pump()
    connection = hostile.at_server
    limit = connection._quic._local_max_data
    assert limit.used > 4 * CONNECTION_BYTES
    assert limit.used < limit.value <= limit.used + CONNECTION_BYTES
    await hostile.close()
    await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_what_nobody_fetches_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_inbox, "MOST_UNREAD_BYTES", 100_000)
    stage = Stage()
    accept, stage.listener._accept = stage.listener._accept, lambda carrier: asyncio.sleep(10)
    hostile = stage.client()
    await hostile.shake_hands()
    stage.listener._accept = accept
    connection = hostile.at_server
    for _ in range(10):
        await hostile.say(b"\x41\x00\x02{}" + bytes(20_000))
        if connection.fault:
            break
    assert "bytes that nobody has read yet" in connection.fault
    assert connection.is_breach
    await asyncio.sleep(20)
    await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_answers_to_one_who_takes_none_are_bounded() -> None:
    stage = Stage()
    hostile = stage.client()
    hostile.library._local_max_stream_data_bidi_local = 0
    await hostile.shake_hands()
    connection = hostile.at_server
    for _ in range(40):
        hostile.library.send_stream_data(0, struct.pack(">I", 60_000) + b"\x41" * 60_000)
        await hostile.pump(rounds=12)
    unsent = sum(len(stream.sender._buffer) for stream in connection._quic._streams.values())
    assert unsent <= quic_lanes.MOST_UNACKNOWLEDGED_BYTES + 65_536
    await hostile.close()
    await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_streams_that_nobody_asked_for_are_refused() -> None:
    for frame in (numbers(0x0A, 4, 1) + b"x", numbers(0x0A, 1, 1) + b"x"):
        stage = Stage()
        hostile = stage.client()
        await hostile.shake_hands()
        connection = hostile.at_server
        hostile.frames(frame)
        await asyncio.sleep(1)
        assert "Too many streams" in connection.fault or "initiator" in connection.fault
        await stage.is_sound()


@virtual_time(seconds_limit=1_000)
async def test_the_end_of_the_listener_ends_everything_and_leaves_no_timer() -> None:
    stage = Stage()
    clients = [stage.client() for _ in range(3)]
    for client in clients:
        await client.shake_hands()
        await client.say(encode(Ping(id=1)))
    stage.hear(first_packet(numbers(6, 0, 4) + b"abcd", b"12345678"))
    await stage.listener.end()
    assert stage.air.is_closed
    sent = len(stage.air.sent)
    stage.hear(first_packet(numbers(6, 0, 4) + b"abcd", b"87654321"))
    await asyncio.sleep(IDLE_SECONDS + HANDSHAKE_SECONDS)
    assert len(stage.air.sent) == sent
    assert stage.raised == []
    with contextlib.suppress(DiStreamerError):
        await clients[0].close()
