"""QUIC inside one event loop: packets cross a link that a test spoils, in virtual time."""

from __future__ import annotations

import asyncio
import datetime
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aioquic.quic.connection import QuicConnection

from distreamer.errors import LinkError
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import QuicMessages, quic_configuration
from distreamer.transport.quic_acceptor import QuicListener
from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.self_signed import certificate_binding, make_key_pair
from tests.support.input_context import capturing_log

SERVER = ("192.0.2.1", 7080)
CLIENT = "198.51.100.7"
HEADERS_BYTES = 28
"""IP and UDP, in each packet."""
PAIR = make_key_pair(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))


@dataclass
class Link:
    """What becomes of a packet. Both ways are alike unless one is told to be dark."""

    delay: float = 0.05
    loss: float = 0.0
    jitter: float = 0.0
    """Up to so much more delay, without keeping the order."""
    rate: float = 250_000.0
    """Bytes a second each way."""
    queue: int = 32_000
    """Bytes that wait for their turn; more are lost."""
    seed: int = 1
    largest: int = 1_500
    """Bytes of a packet; larger ones vanish."""
    is_dark: bool = False
    dark_up: bool = False
    sent_bytes: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})

    def __post_init__(self) -> None:
        # Each way has chances of its own, so that the one does not depend on when the other sends.
        self._chance = {way: random.Random(f"{self.seed} {way}") for way in ("up", "down")}
        self._free_at = {"up": 0.0, "down": 0.0}

    def carry(self, way: str, size: int, now: float) -> float | None:
        """When it arrives; None when it is lost."""
        self.sent_bytes[way] += size
        if self.is_dark or (way == "up" and self.dark_up) or size > self.largest:
            return None
        begins = max(self._free_at[way], now)
        if (begins - now) * self.rate + size > self.queue:
            return None
        self._free_at[way] = begins + size / self.rate
        chance = self._chance[way]
        if chance.random() < self.loss:
            return None
        return self._free_at[way] + self.delay + chance.random() * self.jitter


class _Wire(asyncio.DatagramTransport):
    """Hands packets to whoever is at the other end."""

    def __init__(self, network: QuicNetwork, way: str, address: tuple[str, int]) -> None:
        super().__init__()
        self._network = network
        self._way = way
        self.address = address
        self._is_closed = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not self._is_closed:
            self._network.carry(self._way, bytes(data), self.address, addr)

    def is_closing(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True


class QuicNetwork:
    """A server, and clients that dial it."""

    def __init__(
        self,
        link: Link,
        server_rules: PaceRules,
        client_rules: PaceRules,
        accept: Callable[[QuicMessages], Awaitable[None]],
    ) -> None:
        self.link = link
        self._client_rules = client_rules
        self.clients: dict[tuple[str, int], LiveConnection] = {}
        self._port = 40_000
        self.server = QuicListener(lambda: PAIR, server_rules, accept, capturing_log())
        self.server.connection_made(_Wire(self, "down", SERVER))
        self.dialled: list[float] = []
        """When attempts began."""

    async def dial(self, timeout_seconds: float) -> QuicMessages:
        self.dialled.append(asyncio.get_running_loop().time())
        self._port += 1
        wire = _Wire(self, "up", (CLIENT, self._port))
        configuration = quic_configuration(is_client=True)
        configuration.verify_mode = ssl.CERT_NONE
        quic = QuicConnection(configuration=configuration)
        connection = LiveConnection(quic, self._client_rules, SERVER[0], capturing_log())
        connection.connection_made(wire)
        self.clients[wire.address] = connection
        try:
            connection.connect(SERVER)
            async with asyncio.timeout(timeout_seconds):
                await connection.agreed.wait()
            if connection.fault:
                raise LinkError("far:1", f"QUIC: {connection.fault}")
        except TimeoutError:
            connection.shut()
            raise LinkError("far:1", "no answer over QUIC") from None
        except BaseException:
            connection.shut()
            raise
        return QuicMessages(connection, certificate_binding(connection.peer_certificate()), wire)

    def rebind(self, host: str = CLIENT) -> None:
        """A NAT gives all clients new ports; and they have the address ``host`` now."""
        moved: dict[tuple[str, int], LiveConnection] = {}
        for (_, port), connection in self.clients.items():
            wire = connection._transport
            assert isinstance(wire, _Wire)
            wire.address = (host, port + 1_000)
            moved[wire.address] = connection
        self.clients = moved

    def carry(self, way: str, data: bytes, source: tuple[str, int], target: Any) -> None:
        """One packet sets out."""
        loop = asyncio.get_running_loop()
        arrives = self.link.carry(way, len(data) + HEADERS_BYTES, loop.time())
        if arrives is not None:
            loop.call_at(arrives, self._deliver, way, data, source, target)

    async def close(self) -> None:
        """Ends the server."""
        await self.server.end()

    def _deliver(self, way: str, data: bytes, source: tuple[str, int], target: Any) -> None:
        if way == "up":
            self.server.datagram_received(data, source)
        elif (client := self.clients.get(tuple(target))) is not None:
            client.datagram_received(data, source)
