"""QUIC connections as carriers of messages, accepted on a UDP port."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.quic.connection import QuicConnection
from aioquic.quic.retry import QuicRetryTokenHandler
from structlog.typing import FilteringBoundLogger

from distreamer.core.time_limit import time_limit
from distreamer.errors import BindError
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import DATAGRAM_BYTES, QuicMessages, quic_configuration
from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.quic_limits import MOST_DATAGRAM_BYTES
from distreamer.transport.self_signed import KeyPair
from distreamer.transport.tcp import mark_socket, spoken_address, spoken_fault

HANDSHAKE_SECONDS = 10.0
"""For a client to agree; a dialler gives up long before."""
MOST_CONNECTIONS = 160
"""Accepted at once, those in the middle of a handshake included; more are not answered."""
MOST_HANDSHAKES = 32
"""At once. When there are more, clients must prove their address first (RFC 9000, section 8.1.2)."""
STRICT_SECONDS = 30.0
"""For so long from then on."""
TELL_AGAIN_SECONDS = 3_600.0
"""From one warning that there are too many to the next."""
IPV6_ADDR_PREFERENCES, IPV6_PREFER_SRC_PUBLIC = 72, 2
"""Of Linux (RFC 5014, section 5); Python has no names for them."""
CLOSE_SECONDS = 1.0
"""For the system to let go of the socket."""

Accept = Callable[[QuicMessages], Awaitable[None]]


class QuicAcceptor:
    """Accepts carriers on UDP sockets, which it owns. An async context manager."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        pair: Callable[[], KeyPair],
        rules: PaceRules,
        accept: Accept,
        log: FilteringBoundLogger,
    ) -> None:
        """``pair`` gives what connections that begin use; ``accept`` runs a conversation until it ends."""
        self._sockets = sockets
        self._pair = pair
        self._rules = rules
        self._accept = accept
        self._log = log
        self._servers: list[QuicListener] = []

    @property
    def refused(self) -> int:
        """Packets that were not answered because there were MOST_CONNECTIONS."""
        return sum(server.refused for server in self._servers)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            _, server = await loop.create_datagram_endpoint(
                lambda: QuicListener(self._pair, self._rules, self._accept, self._log), sock=one
            )
            self._servers.append(server)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            await server.end()
        self._servers.clear()


class QuicListener(QuicServer):
    """aioquic's server on one socket, with bounds, which runs a conversation on each connection."""

    def __init__(
        self, pair: Callable[[], KeyPair], rules: PaceRules, accept: Accept, log: FilteringBoundLogger
    ) -> None:
        super().__init__(configuration=quic_configuration(is_client=False), create_protocol=self._make)
        self._current_pair = pair
        self._binding = b""
        self._pair: KeyPair | None = None
        """That of the configuration; a connection keeps the one with which it began."""
        self._bindings: dict[QuicConnectionProtocol, bytes] = {}
        self._rules = rules
        self._accept = accept
        self._log = log
        self._host = ""
        """Of the packet that is looked at."""
        self._connections: set[LiveConnection] = set()
        self._shaking_hands: dict[QuicConnectionProtocol, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._proofs = QuicRetryTokenHandler()
        self._strict_until = -math.inf
        self._is_ending = False
        self._closed = asyncio.Event()
        self.refused = 0
        self._told_at = -math.inf

    @property
    def connections(self) -> int:
        """Those that exist now, without those that have ended and are not forgotten yet."""
        return sum(not one.fault for one in self._connections)

    async def end(self) -> None:
        """Ends all conversations and connections."""
        self._is_ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for timer in self._shaking_hands.values():
            timer.cancel()
        for connection in tuple(self._connections):
            connection.shut()
        self.close()
        # Whoever starts again at once needs the port.
        with contextlib.suppress(TimeoutError):
            async with time_limit(CLOSE_SECONDS):
                await self._closed.wait()

    # -- what asyncio and aioquic call

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        packet = cast(bytes, data)
        if len(packet) > MOST_DATAGRAM_BYTES:
            return
        if not self._is_known(packet) and not self._has_room_for(packet):
            return
        self._host = addr[0]
        self._renew()
        if len(self._shaking_hands) >= MOST_HANDSHAKES:
            self._strict_until = self._loop.time() + STRICT_SECONDS
        is_strict = self._loop.time() < self._strict_until
        self._retry = self._proofs if is_strict else None  # type: ignore[assignment]  # aioquic's own may be None too
        super().datagram_received(packet, addr)

    def _renew(self) -> None:
        pair = self._current_pair()
        if pair is not self._pair:
            self._pair = pair
            self._binding = pair.binding
            configuration = self._configuration
            configuration.certificate, configuration.private_key = pair.certificate, pair.key
            configuration.certificate_chain = list(pair.chain)

    def _has_room_for(self, packet: bytes) -> bool:
        """Whether what does not belong to a connection is looked at."""
        # A short one would get an answer that is longer than itself, whoever's address it bears (RFC 9000, section 6).
        if self._is_ending or len(packet) < DATAGRAM_BYTES:
            return False
        if self.connections < MOST_CONNECTIONS:
            return True
        self.refused += 1
        now = self._loop.time()
        if now - self._told_at >= TELL_AGAIN_SECONDS:
            self._told_at = now
            self._log.warning(
                "too many QUIC connections; more are not answered", limit=MOST_CONNECTIONS, refused=self.refused
            )
        return False

    def _is_known(self, packet: bytes) -> bool:
        length = self._configuration.connection_id_length
        if packet[:1] and packet[0] & 0x80:
            return packet[6 : 6 + packet[5]] in self._protocols if len(packet) > 6 else False
        return packet[1 : 1 + length] in self._protocols

    def _make(self, quic: QuicConnection, stream_handler: object = None) -> LiveConnection:
        del stream_handler
        connection = LiveConnection(quic, self._rules, self._host, self._log)
        connection.on_agreed = lambda: self._agreed(connection)
        self._connections.add(connection)
        self._bindings[connection] = self._binding
        self._shaking_hands[connection] = self._loop.call_later(HANDSHAKE_SECONDS, connection.give_up)
        return connection

    def _connection_terminated(self, protocol: QuicConnectionProtocol) -> None:
        super()._connection_terminated(protocol)
        self._connections.discard(cast(LiveConnection, protocol))
        self._bindings.pop(protocol, None)
        self._no_handshake(protocol)

    def _agreed(self, connection: LiveConnection) -> None:
        self._no_handshake(connection)
        if self._is_ending:
            return
        holding = self._hold(connection, self._bindings[connection])
        task = self._loop.create_task(holding, name=f"QUIC of {connection.peer}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _no_handshake(self, protocol: QuicConnectionProtocol) -> None:
        timer = self._shaking_hands.pop(protocol, None)
        if timer is not None:
            timer.cancel()

    async def _hold(self, connection: LiveConnection, binding: bytes) -> None:
        carrier = QuicMessages(connection, binding, None)
        try:
            await self._accept(carrier)
        finally:
            await carrier.close()


def udp_sockets(host: str, port: int) -> list[socket.socket]:
    """UDP sockets on every address of ``host``, marked and non-blocking. The caller owns them. Raises BindError."""
    opened: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        ):
            one = socket.socket(family, kind, protocol)
            opened.append(one)
            one.setblocking(False)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                _answer_from_lasting_address(one)
            mark_socket(one)
            one.bind(address)
    except OSError as error:
        for one in opened:
            one.close()
        where = spoken_address(host, port)
        raise BindError(f"cannot listen on {where} (UDP, for QUIC): {spoken_fault(error)}") from error
    return opened


def _answer_from_lasting_address(one: socket.socket) -> None:
    """A machine with temporary addresses (RFC 8981) would answer from one of them, and not from the one that is in the
    name server and was asked. Where there are several lasting ones, HOSTNAME must name the right one."""
    if sys.platform == "linux":
        one.setsockopt(socket.IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, IPV6_PREFER_SRC_PUBLIC)
