"""QUIC connections as carriers of messages, dialled: for links that lose packets or change addresses."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Sequence
from typing import Any

from aiohttp.abc import AbstractResolver
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.tls import CipherSuite
from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import CarrierKind
from distreamer.errors import LinkError, PeerError
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.local_end import LocalEnd
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic_connection import IDLE_SECONDS, LiveConnection
from distreamer.transport.quic_limits import CONNECTION_BYTES
from distreamer.transport.self_signed import certificate_binding
from distreamer.transport.tcp import HAPPY_EYEBALLS_SECONDS, mark_socket, spoken_address, spoken_fault

PROTOCOL_NAME = "distreamer3"
"""In the handshake (ALPN)."""
DATAGRAM_BYTES = 1_200
"""The smallest that every path must carry (RFC 9000, section 14): nothing is lost to a path that swallows big ones."""
CIPHERS = [CipherSuite.CHACHA20_POLY1305_SHA256, CipherSuite.AES_128_GCM_SHA256, CipherSuite.AES_256_GCM_SHA384]
"""The first may encrypt as many packets as ever come; with the others, some days of audio are too many for one key
(RFC 9001, section 6.6)."""
KIND = CarrierKind("quic", preference=1, lasting_seconds=80.0, is_always_bound=True)
MOST_RACED = 6
"""Addresses of a host that are tried beside one another."""
ANY_CERTIFICATE = LinkTrust(verify=False)


class QuicMessages:
    """A MessageStream over QUIC."""

    kind = KIND

    def __init__(self, connection: LiveConnection, binding: bytes, transport: asyncio.BaseTransport | None) -> None:
        """``binding`` is the hash of the server's certificate; ``transport`` is closed with it, and None when others
        share it."""
        self._connection = connection
        self._transport = transport
        self._binding = binding

    @property
    def heard_at(self) -> float | None:
        return self._connection.heard_at

    @property
    def packets(self) -> tuple[int, int]:
        return self._connection.packets

    @property
    def binding(self) -> bytes | None:
        return self._binding

    @property
    def peer(self) -> str:
        return self._connection.peer

    async def receive(self) -> bytes:
        """Raises LinkError when the carrier ended, and PeerError when the other side broke the rules."""
        message = await self._connection.inbox.next()
        if message is None:
            error = PeerError if self._connection.is_breach else LinkError
            raise error(self.peer, self._connection.fault)
        return message

    async def send(self, message: bytes) -> None:
        await self._connection.send(message)
        if self._connection.fault:
            raise LinkError(self.peer, self._connection.fault)

    def abandon(self, body: int) -> None:
        self._connection.abandon(body)

    async def close(self) -> None:
        self._connection.shut()
        if self._transport is not None:
            self._transport.close()


class QuicDialler:
    """Opens carriers to one server."""

    def __init__(
        self,
        host: str,
        port: int,
        rules: PaceRules,
        log: FilteringBoundLogger,
        resolver: AbstractResolver,
        *,
        trust: LinkTrust = ANY_CERTIFICATE,
        trusted: str | None = None,
        local_end: LocalEnd | None = None,
    ) -> None:
        """``resolver`` belongs to the caller. ``trust`` says which certificates are taken; ``trusted`` is a file with
        those that are trusted, in place of the system's. ``local_end`` is where packets leave this machine; None for
        wherever a route leads."""
        self._host = host
        self._port = port
        self._rules = rules
        self._log = log
        self._resolver = resolver
        self._trust = trust
        self._trusted = trusted
        self._local_end = local_end

    @property
    def peer(self) -> str:
        """The server's address as people write it."""
        return spoken_address(self._host, self._port)

    async def dial(self, timeout_seconds: float) -> QuicMessages:
        """A new carrier. Raises LinkError when none can be had in time, or the certificate is not valid."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await _first(
                    [
                        self._connect(family, address, turn * HAPPY_EYEBALLS_SECONDS)
                        for turn, family, address in await self._addresses()
                    ]
                )
        except TimeoutError as error:
            reason = f"no answer over QUIC (UDP port {self._port}) within {timeout_seconds:g} s"
            raise LinkError(self.peer, reason) from error
        except (OSError, UnicodeError) as error:
            raise LinkError(self.peer, spoken_fault(error)) from error

    async def _addresses(self) -> list[tuple[int, int, Any]]:
        """Turn, family, address: the first of both families are raced at once, the others behind them."""
        try:
            found = _addresses(self._host, self._port)
        except socket.gaierror:
            answers = await self._resolver.resolve(self._host, self._port, socket.AF_UNSPEC)
            found = [pair for answer in answers for pair in _addresses(answer["host"], self._port)]
        turns: dict[int, list[tuple[int, int, Any]]] = {}
        for family, address in found:
            of_family = turns.setdefault(family, [])
            of_family.append((len(of_family), family, address))
        return sorted((one for of_family in turns.values() for one in of_family), key=lambda one: one[0])[:MOST_RACED]

    async def _connect(self, family: int, address: Any, after_seconds: float) -> QuicMessages:
        await asyncio.sleep(after_seconds)
        loop = asyncio.get_running_loop()
        quic = QuicConnection(configuration=self._configuration())
        one = socket.socket(family, socket.SOCK_DGRAM)
        try:
            one.setblocking(False)
            mark_socket(one)
            if self._local_end is not None:
                self._local_end.bind(one)
            if not one.getsockname()[1]:
                # Not bound to an address: when this machine gets another one, packets leave from there at once.
                one.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
            transport, connection = await loop.create_datagram_endpoint(
                lambda: LiveConnection(quic, self._rules, self._host, self._log), sock=one
            )
        except BaseException:
            one.close()
            raise
        try:
            connection.connect(address)
            await connection.agreed.wait()
            if connection.fault:
                raise LinkError(self.peer, f"QUIC: {connection.fault}")
            certificate = connection.peer_certificate()
            if fault := self._trust.fault(certificate):
                raise LinkError(self.peer, f"QUIC: {fault}")
            return QuicMessages(connection, certificate_binding(certificate), transport)
        except BaseException:
            connection.shut()
            transport.close()
            raise

    def _configuration(self) -> QuicConfiguration:
        configuration = quic_configuration(is_client=True)
        configuration.verify_mode = ssl.CERT_REQUIRED if self._trust.asks_the_system else ssl.CERT_NONE
        configuration.server_name = self._host if self._host.isascii() else self._host.encode("idna").decode()
        # aioquic would know those of the package certifi only, not those that the operator has given to the system.
        paths = ssl.get_default_verify_paths()
        configuration.cafile = self._trusted or paths.cafile
        configuration.capath = None if self._trusted else paths.capath
        return configuration


def quic_configuration(*, is_client: bool) -> QuicConfiguration:
    """What every connection has."""
    return QuicConfiguration(
        alpn_protocols=[PROTOCOL_NAME],
        cipher_suites=CIPHERS,
        is_client=is_client,
        idle_timeout=IDLE_SECONDS,
        max_stream_data=CONNECTION_BYTES,
        max_datagram_size=DATAGRAM_BYTES,
    )


def _addresses(number: str, port: int) -> list[tuple[int, Any]]:
    """Of an address in numbers, without asking anybody. Raises socket.gaierror for a name."""
    found = socket.getaddrinfo(number, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    return [(family, address) for family, _, _, _, address in found]


async def _first(attempts: Sequence[Coroutine[Any, Any, QuicMessages]]) -> QuicMessages:
    """The first carrier that comes up; the others are ended. Raises what the last one raised."""
    tasks = [asyncio.create_task(attempt) for attempt in attempts]
    pending = set(tasks)
    try:
        fault: BaseException | None = None
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                fault = task.exception()
                if fault is None:
                    tasks.remove(task)
                    return task.result()
        assert fault is not None
        raise fault
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, QuicMessages):
                await ended.close()
