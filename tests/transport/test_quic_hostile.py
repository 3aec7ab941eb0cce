"""What strangers and hostile peers may send over QUIC: nothing of it ends more than their own connection."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import struct
from typing import Any

import pytest
from aioquic.buffer import encode_uint_var
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from distreamer.errors import DiStreamerError
from distreamer.protocol.native.messages import Ping, encode
from distreamer.transport import quic_inbox, quic_lanes
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import QuicMessages, quic_configuration
from distreamer.transport.quic_acceptor import HANDSHAKE_SECONDS, MOST_CONNECTIONS, QuicListener
from distreamer.transport.quic_connection import IDLE_SECONDS, LiveConnection
from distreamer.transport.quic_limits import CONNECTION_BYTES, FIRST_BYTES
from tests.support.input_context import capturing_log
from tests.support.quic_network import PAIR, SERVER
from tests.support.virtual_time import run_virtual, virtual_time

RULES = PaceRules(lambda: 1_000_000.0, 10.0)


class Air(asyncio.DatagramTransport):
    """Takes what the listener sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[bytes, Any]] = []
        self.is_closed = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.sent.append((bytes(data), addr))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


class Stage:
    """A listener whose carriers echo, and clients of aioquic's own that may be made to say anything."""

    def __init__(self) -> None:
        self.said = CapturingLogger()
        self.air = Air()
        self.ended: list[str] = []
        self.listener = QuicListener(lambda: PAIR, RULES, self._echo, capturing_log(self.said))
        self.listener.connection_made(self.air)
        self.raised: list[dict[str, Any]] = []
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(lambda _, context: self.raised.append(context))
        self._ports = 10_000

    async def _echo(self, carrier: QuicMessages) -> None:
        try:
            while True:
                await carrier.send(await carrier.receive())
        except DiStreamerError as error:
            self.ended.append(str(error))

    def client(self) -> Client:
        self._ports += 1
        return Client(self, ("198.51.100.7", self._ports))

    def hear(self, data: bytes, address: tuple[str, int] = ("203.0.113.9", 666)) -> None:
        self.listener.datagram_received(data, address)

    async def is_sound(self) -> None:
        """Others are served, nothing was raised, and whoever is silent is forgotten."""
        other = self.client()
        await other.shake_hands()
        await other.say(encode(Ping(id=5)))
        assert encode(Ping(id=5)) in bytes(other.heard)
        await other.close()
        await asyncio.sleep(HANDSHAKE_SECONDS + IDLE_SECONDS + 10)
        assert self.listener.connections == 0
        assert not self.listener._protocols
        assert self.raised == []

    def defects(self) -> int:
        return sum("a defect" in str(call) for call in self.said.calls)


class Client:
    """It keeps to the rules of QUIC until it is told what to say."""

    def __init__(self, stage: Stage, address: tuple[str, int]) -> None:
        self._stage = stage
        self.address = address
        configuration = quic_configuration(is_client=True)
        configuration.verify_mode = ssl.CERT_NONE
        configuration.server_name = "localhost"
        self.library = QuicConnection(configuration=configuration)
        self.heard = bytearray()

    async def shake_hands(self) -> None:
        self.library.connect(SERVER, now=self._stage.loop.time())
        await self.pump()
        assert self.library._handshake_confirmed

    async def pump(self, rounds: int = 8) -> None:
        """Carries packets both ways, as long as there are any."""
        for _ in range(rounds):
            now = self._stage.loop.time()
            for data, _ in self.library.datagrams_to_send(now=now):
                self._stage.hear(data, self.address)
            await asyncio.sleep(0.005)
            for data, target in [one for one in self._stage.air.sent if one[1] == self.address]:
                assert target == self.address
                self.library.receive_datagram(data, SERVER, now=now)
            self._stage.air.sent.clear()
            while (event := self.library.next_event()) is not None:
                self.heard += getattr(event, "data", b"")

    async def say(self, message: bytes) -> None:
        self.library.send_stream_data(0, struct.pack(">I", len(message)) + message)
        await self.pump()

    async def close(self) -> None:
        self.library.close()
        await self.pump()

    def frames(self, frames: bytes) -> None:
        """One packet with whatever frames, properly encrypted."""
        builder = QuicPacketBuilder(
            host_cid=self.library.host_cid,
            peer_cid=self.library._peer_cid.cid,
            version=QuicProtocolVersion.VERSION_1,
            is_client=True,
            max_datagram_size=1_200,
            packet_number=self.library._packet_number,
        )
        builder.start_packet(QuicPacketType.ONE_RTT, self.library._cryptos[Epoch.ONE_RTT])
        builder._buffer.push_bytes(frames)
        [packet], _ = builder.flush()
        self.library._packet_number += 1
        self._stage.hear(packet, self.address)

    @property
    def at_server(self) -> LiveConnection:
        found = self._stage.listener._protocols[self.library._peer_cid.cid]
        assert isinstance(found, LiveConnection)
        return found


def first_packet(frames: bytes, name: bytes) -> bytes:
    """A client's first packet, for which anyone has the key, with whatever frames."""
    crypto = CryptoPair()
    crypto.setup_initial(cid=name, is_client=True, version=QuicProtocolVersion.VERSION_1)
    builder = QuicPacketBuilder(
        host_cid=b"stranger",
        peer_cid=name,
        version=QuicProtocolVersion.VERSION_1,
        is_client=True,
        max_datagram_size=1_200,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    builder._buffer.push_bytes(frames)
    [packet], _ = builder.flush()
    return packet


def numbers(*values: int) -> bytes:
    return b"".join(encode_uint_var(value) for value in values)


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
