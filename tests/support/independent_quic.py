"""A QUIC carrier as docs/protocol.md has it, on aioquic as it comes; see ``independent_peer``."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from contextlib import suppress
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.independent_lanes import Lanes, framed
from tests.support.independent_rules import BrokenRule
from tests.support.independent_wire import Type, unpack

CONTROL = 0
OPENING_SECONDS = 20
CLOSING_SECONDS = 0.5
PROTOCOL_VIOLATION = 0x0A


class QuicCarrier(QuicConnectionProtocol):
    """The side that dials."""

    silence_seconds = 60.0

    def __init__(self) -> None:
        configuration = QuicConfiguration(is_client=True, alpn_protocols=["distreamer3"], idle_timeout=90)
        configuration.verify_mode = ssl.CERT_NONE
        self.quic = QuicConnection(configuration=configuration)
        super().__init__(self.quic)
        self.lanes = Lanes()
        self.lose_each = 0
        self.held_back: dict[int, bytes] = {}
        """Numbers of bodies whose last piece is kept until ``release``; CONTROL for what is said on that stream."""
        self.arrived = 0
        self.ended: events.ConnectionTerminated | None = None
        self.binding: bytes | None = None
        self._incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._controls_sent = 0
        self._controls_needed = 0
        self._bodies_sent = 0
        self._setup_needed = 0
        self._stream = 0
        self._bytes_left = 0

    async def open(self, port: int) -> None:
        self.connect(("127.0.0.1", port))
        async with asyncio.timeout(OPENING_SECONDS):
            await self.wait_connected()
        # The document names no other way than this, and aioquic has no public one.
        certificate: Any = self.quic.tls._peer_certificate
        self.binding = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()

    async def send(self, data: bytes) -> None:
        if self.ended:
            raise ConnectionError(self.ended.reason_phrase)
        message = unpack(data)
        if message.type in (Type.SETUP, Type.FRAGMENT):
            self._begin_body(message.type, message.header)
            self.quic.send_stream_data(self._stream, framed(data))
        elif message.type == Type.PIECE:
            self._bytes_left -= len(message.payload)
            if self._bytes_left <= 0 and self._bodies_sent in self.held_back:
                self.held_back[self._bodies_sent] += framed(data)
            else:
                self.quic.send_stream_data(self._stream, framed(data), end_stream=self._bytes_left <= 0)
        else:
            self._controls_sent += 1
            if message.type == Type.EPOCH:
                self._controls_needed = self._controls_sent
            if CONTROL in self.held_back:
                self.held_back[CONTROL] += framed(data)
            else:
                self.quic.send_stream_data(CONTROL, framed(data))
        self.transmit()

    def hold_back(self, *numbers: int) -> None:
        self.held_back |= dict.fromkeys(numbers, b"")

    def release(self, number: int) -> None:
        stream = number and 4 * number - 2
        self.quic.send_stream_data(stream, self.held_back.pop(number), end_stream=bool(number))
        self.transmit()

    def _begin_body(self, kind: int, header: dict[str, Any]) -> None:
        self._stream = self.quic.get_next_available_stream_id(is_unidirectional=True)
        self._bytes_left = header["size"]
        self._bodies_sent += 1
        setup = self._setup_needed if header.get("setup") else 0
        if kind == Type.SETUP:
            self._setup_needed = self._bodies_sent
        counters = self._controls_needed.to_bytes(4, "big") + setup.to_bytes(4, "big")
        self.quic.send_stream_data(self._stream, counters)

    async def receive(self) -> bytes:
        found = await self._incoming.get()
        if isinstance(found, Exception):
            self._incoming.put_nowait(found)
            raise found
        return found

    async def hang_up(self) -> None:
        """Gives the other side a moment to hear the last words."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._gone.wait()
        self.abandon(0, "")

    def abandon(self, code: int, reason: str) -> None:
        if not self.ended:
            self.quic.close(error_code=code, reason_phrase=reason)
            self.transmit()

    def end(self) -> None:
        """The socket is closed."""
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self.arrived += 1
        if not self.lose_each or self.arrived % self.lose_each:
            super().datagram_received(data, addr)

    def quic_event_received(self, event: events.QuicEvent) -> None:
        try:
            for message in self._heard(event):
                self._incoming.put_nowait(message)
        except BrokenRule as error:
            self._incoming.put_nowait(error)
            self.abandon(PROTOCOL_VIOLATION, str(error))

    def _heard(self, event: events.QuicEvent) -> list[bytes]:
        if isinstance(event, events.ConnectionTerminated):
            self.ended = event
            self._gone.set()
            self._incoming.put_nowait(ConnectionError(event.reason_phrase))
        elif isinstance(event, events.StreamDataReceived) and event.stream_id == CONTROL:
            if event.end_stream:
                raise BrokenRule("the control stream ended")
            return self.lanes.hear_control(event.data)
        elif isinstance(event, events.StreamDataReceived):
            return self.lanes.hear_body(self._number(event.stream_id), event.data, ended=event.end_stream)
        elif isinstance(event, events.StreamReset):
            return self.lanes.hear_reset(self._number(event.stream_id))
        elif isinstance(event, events.StopSendingReceived):
            raise BrokenRule(f"stream {event.stream_id} was stopped")
        return []

    @staticmethod
    def _number(stream: int) -> int:
        """A body's number from its stream's: server-initiated unidirectional ones are 3, 7, 11, …"""
        if stream % 4 != 3:
            raise BrokenRule(f"stream {stream} is none of a body")
        return stream // 4 + 1
