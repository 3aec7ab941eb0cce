"""A QUIC listener to which clients of aioquic's own may say anything, in virtual time."""

from __future__ import annotations

import asyncio
import ssl
import struct
from typing import Any

from aioquic.buffer import encode_uint_var
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch
from structlog.testing import CapturingLogger

from distreamer.errors import DiStreamerError
from distreamer.protocol.native.messages import Ping, encode
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import QuicMessages, quic_configuration
from distreamer.transport.quic_acceptor import HANDSHAKE_SECONDS, QuicListener
from distreamer.transport.quic_connection import IDLE_SECONDS, LiveConnection
from tests.support.input_context import capturing_log
from tests.support.quic_network import PAIR, SERVER

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

    def frames(self, frames: bytes, size: int = 1_200) -> None:
        """One packet with whatever frames, properly encrypted."""
        builder = QuicPacketBuilder(
            host_cid=self.library.host_cid,
            peer_cid=self.library._peer_cid.cid,
            version=QuicProtocolVersion.VERSION_1,
            is_client=True,
            max_datagram_size=size,
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


def first_packet(frames: bytes, name: bytes, number: int = 0, size: int = 1_200) -> bytes:
    """A client's packet before there is an answer, for which anyone has the key, with whatever frames."""
    crypto = CryptoPair()
    crypto.setup_initial(cid=name, is_client=True, version=QuicProtocolVersion.VERSION_1)
    builder = QuicPacketBuilder(
        host_cid=b"stranger",
        peer_cid=name,
        version=QuicProtocolVersion.VERSION_1,
        is_client=True,
        max_datagram_size=size,
        packet_number=number,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    builder._buffer.push_bytes(frames)
    [packet], _ = builder.flush()
    return packet


def numbers(*values: int) -> bytes:
    """As QUIC writes them."""
    return b"".join(encode_uint_var(value) for value in values)
