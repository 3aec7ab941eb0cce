"""One TCP connection of a player: a request, then audio. It has a cursor and counters, no task and no queue."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from distreamer.core.rendition import Cursor
from distreamer.errors import ProtocolError
from distreamer.outputs.framed_body import Encrypted, Sink, framed
from distreamer.protocol.http1 import RequestHead, RequestReader
from distreamer.protocol.player_habits import Framing
from distreamer.transport.tls_layer import CLIENT_HELLO, TlsConnection

HIGHEST_BUFFER_BYTES = 128 * 1024
"""More than this unsent, beyond what the system buffers, and nothing is written to the player for a while."""
LOWEST_BUFFER_BYTES = 32 * 1024
"""No more than this unsent, and it is written to again."""


class Host(Protocol):
    """Whom a connection tells what happens to it."""

    def begin_tls(self) -> TlsConnection | None:
        """Our side of a connection to a player that speaks TLS; None when there is no certificate."""
        ...

    def opened(self, connection: PlayerConnection) -> None: ...

    def asked(self, connection: PlayerConnection, request: RequestHead) -> None:
        """The request is complete."""

    def misasked(self, connection: PlayerConnection, reason: str) -> None:
        """What came is no request."""

    def stuck(self, connection: PlayerConnection) -> None:
        """The player does not take what was written."""

    def unstuck(self, connection: PlayerConnection) -> None:
        """It took it."""

    def closed(self, connection: PlayerConnection) -> None:
        """The connection is gone. Called once, last."""


class PlayerConnection(asyncio.Protocol):
    """Driven by the transport; speaks to its host only."""

    __slots__ = (
        "_has_begun",
        "_host",
        "_reader",
        "_sink",
        "_tls",
        "_transport",
        "address",
        "agent",
        "begun_at",
        "cursor",
        "is_stuck",
        "number",
        "peer",
        "slot",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self._reader: RequestReader | None = RequestReader()
        self._transport: asyncio.Transport | None = None
        self._sink: Sink | None = None
        self._tls: TlsConnection | None = None
        self._has_begun = False
        self.peer = ""
        """For messages."""
        self.address = ""
        """The IP address of the player."""
        self.agent = ""
        """What it calls itself."""
        self.number = 0
        """Counts the listeners; 0 unless it is counted as one."""
        self.cursor: Cursor | None = None
        """The place in the rendition; None unless it listens."""
        self.slot = 0
        self.begun_at = 0.0
        """When it began to listen, on the host's clock."""
        self.is_stuck = False

    @property
    def is_encrypted(self) -> bool:
        return self._tls is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._sink = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(HIGHEST_BUFFER_BYTES, LOWEST_BUFFER_BYTES)
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if address else "unknown"
        self.address = address[0] if address else self.peer
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        if not self._has_begun:
            self._has_begun = True
            # One port for both: the old radio in the kitchen knows no TLS.
            if data[:1] == CLIENT_HELLO:
                self._begin_tls()
        if self._tls is None:
            self._heard(data)
        elif self._transport is not None:
            self._decrypt(self._tls, data, self._transport)

    def pause_writing(self) -> None:
        self.is_stuck = True
        self._host.stuck(self)

    def resume_writing(self) -> None:
        self.is_stuck = False
        self._host.unstuck(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = self._sink = None
        self._host.closed(self)

    def write(self, data: bytes) -> None:
        """Sends ``data``, or buffers what does not fit; nothing when the connection is gone."""
        if self._sink is not None:
            self._sink.write(data)

    def frame(self, framing: Framing) -> None:
        """What is written from now on is a body of that framing."""
        if self._sink is not None:
            self._sink = framed(self._sink, framing)

    def close(self) -> None:
        """Ends it when all that was written is sent."""
        self._reader = None
        if self._sink is not None:
            self._sink.close()

    def abort(self) -> None:
        """Ends it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _begin_tls(self) -> None:
        self._tls = self._host.begin_tls()
        if self._tls is not None and self._transport is not None:
            self._sink = Encrypted(self._transport, self._tls)

    def _decrypt(self, tls: TlsConnection, data: bytes, transport: asyncio.Transport) -> None:
        received = tls.receive(data)
        if received.answer:
            transport.write(received.answer)
        if received.data:
            self._heard(received.data)
        if received.fault or received.ended:
            transport.close()

    def _heard(self, data: bytes) -> None:
        if self._reader is None:
            return  # Whatever a player says behind its request means nothing, and is not kept.
        try:
            request = self._reader.receive_data(data)
        except ProtocolError as error:
            self._reader = None
            self._host.misasked(self, str(error))
            return
        if request is not None:
            self._reader = None
            self._host.asked(self, request)
