"""The OUTPUT mode DiStreamerPersServer: DiStreamer 2 receivers connect and stay connected."""

from __future__ import annotations

import asyncio
import hmac
from typing import Annotated

from pydantic import Field

from distreamer.config.fields import BindAddress, Password, Port, Seconds
from distreamer.config.settings import OutputSettings
from distreamer.core.module import OutputContext
from distreamer.core.ports import ByteStream
from distreamer.errors import DiStreamerError, LinkError
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.legacy_receivers import LegacyReceivers
from distreamer.protocol.http1 import RequestHead, RequestReader
from distreamer.protocol.legacy.persistent import Opening, read_opening
from distreamer.protocol.legacy.polling import stats_body
from distreamer.protocol.legacy.rounds import message
from distreamer.sessions.legacy_receiving import read_within
from distreamer.sessions.legacy_sending import RenderedStore, send_rounds
from distreamer.sessions.password_gate import Gated, PasswordGate
from distreamer.transport.tcp import host_of, listening_sockets, spoken_address
from distreamer.transport.tcp_server import StreamServer

MOST_CONNECTIONS = 256
"""Receivers, and those that have not yet said what they want."""
OPENING_SECONDS = 10.0
"""For the first line."""
STUCK_SECONDS = 60.0
"""For one fragment to be taken: 80 kB on a link of 16 kbit/s take 40 s."""


class DiStreamerPersServerSettings(OutputSettings):
    """Serves the programme to DiStreamerPersClients over one long connection each (wire of DiStreamer 2)."""

    hostname: BindAddress = "0.0.0.0"

    port: Port = 4080
    """The TCP port to listen on. 0 takes a free port, which the log then names."""

    password: Annotated[Password, Field(max_length=200)] = ""
    """What receivers must send, in clear: this wire is DiStreamer 2's. Empty for none."""

    interval: Annotated[Seconds, Field(ge=0.1, le=60)] = 1
    """How often receivers are sent what is new. They take silence of more than their HTTPTIMEOUT, mostly 5 seconds,
    for a dead connection."""


class DiStreamerPersServer(Gated):
    """Accepts receivers; one that fails disturbs no other."""

    def __init__(self, settings: DiStreamerPersServerSettings, context: OutputContext) -> None:
        self._settings = settings
        self._context = context
        self._rendered = RenderedStore.of(context)
        self._receivers = LegacyReceivers(context.clock)
        self._gate = PasswordGate(context.clock, context.log)
        self._address: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that receivers can connect to; None while nothing listens there."""
        return self._address

    def links(self) -> tuple[LinkStatus, ...]:
        return self._receivers.links()

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen."""
        sockets = listening_sockets(self._settings.hostname, self._settings.port)
        host, port = sockets[0].getsockname()[:2]
        self._context.log.info("listening for receivers", address=spoken_address(host, port))
        try:
            self._address = (host, port)
            self._say_health()
            await StreamServer(sockets, self._serve, lambda peer, reason: None, limit=MOST_CONNECTIONS).run()
        finally:
            self._address = None
            for one in sockets:
                one.close()

    async def _serve(self, stream: ByteStream) -> None:
        try:
            request = await _request(stream)
            if request.target == b"/stats":
                await stream.write(self._stats())
                return
            opening = read_opening(request.target)
            if refusal := self._refusal(opening, host_of(stream.peer)):
                await stream.write(message(b"err", refusal))
                return
            await self._send(stream, opening)
        except DiStreamerError as error:
            self._context.log.debug("a conversation ended", peer=stream.peer, reason=str(error))

    def _refusal(self, opening: Opening, host: str) -> bytes:
        """What it is told that may not receive; empty for who may."""
        if reason := self._gate.must_wait(host):
            return reason.encode()
        is_right = hmac.compare_digest(opening.password, self._settings.password.encode())
        self._gate.note(host, is_right=is_right)
        if is_right:
            return b""
        self._gate.say_refused("a receiver was refused", host, "wrong password")
        return b"Password incorrect"

    async def _send(self, stream: ByteStream, opening: Opening) -> None:
        self._context.log.info("a receiver connected", peer=stream.peer)
        try:
            with self._receivers.connected(stream.peer):
                self._say_health()
                await send_rounds(stream, self._rendered, opening.holdings, self._settings.interval, STUCK_SECONDS)
        except LinkError as error:
            self._context.log.warning("a receiver was lost", peer=stream.peer, reason=error.reason)
        finally:
            self._say_health()

    def _stats(self) -> bytes:
        body = stats_body(self._receivers.count, self._rendered.rendering().listing.fragmentslist)
        head = f"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def _say_health(self) -> None:
        self._context.health.running(self._receivers.sentence())


async def _request(stream: ByteStream) -> RequestHead:
    reader = RequestReader()
    try:
        async with asyncio.timeout(OPENING_SECONDS):
            while True:
                request = reader.receive_data(await read_within(stream, OPENING_SECONDS))
                if request is not None:
                    return request
    except TimeoutError as error:
        raise LinkError(stream.peer, f"no request within {OPENING_SECONDS:g} s") from error
