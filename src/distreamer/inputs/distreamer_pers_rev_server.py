"""The INPUT mode DiStreamerPersRevServer: a DiStreamerPersRevClient connects and pushes the programme."""

from __future__ import annotations

import asyncio
import hmac
from typing import Annotated

from pydantic import Field

from distreamer.config.fields import BindAddress, Password, Port, Seconds
from distreamer.config.settings import InputSettings
from distreamer.core.module import InputContext
from distreamer.core.ports import ByteStream
from distreamer.errors import DiStreamerError, LinkError
from distreamer.model.status import DISTREAMER_2, LinkStatus, ListenersStatus
from distreamer.protocol.legacy.persistent import LineReader, accepting_line, refusing_line
from distreamer.sessions.legacy_receiving import LegacyReceiver, read_within, receive_messages
from distreamer.sessions.password_gate import Gated, PasswordGate
from distreamer.transport.tcp import host_of, listening_sockets, spoken_address
from distreamer.transport.tcp_server import StreamServer

MOST_CONNECTIONS = 32
"""The pusher, its ghosts, and those that have not yet said the password."""
PASSWORD_SECONDS = 10.0
"""For the line with the password."""


class DiStreamerPersRevServerSettings(InputSettings):
    """Lets a DiStreamerPersRevClient push the programme over one long connection (wire of DiStreamer 2)."""

    hostname: BindAddress = "0.0.0.0"

    port: Port = 3080
    """The TCP port to listen on. 0 takes a free port, which the log then names."""

    password: Annotated[Password, Field(max_length=200)] = ""
    """What the pusher must send, in clear: this wire is DiStreamer 2's. Empty for none."""

    timeout: Annotated[Seconds, Field(ge=1, le=300)] = 5
    """A pusher that sends nothing for this long is taken for dead."""


class DiStreamerPersRevServer(Gated):
    """Takes what the newest pusher sends; an older connection is a ghost."""

    def __init__(self, settings: DiStreamerPersRevServerSettings, context: InputContext) -> None:
        self._settings = settings
        self._context = context
        self._receiver = LegacyReceiver(context.ingest, context.clock, list_closes_round=True)
        self._gate = PasswordGate(context.clock, context.log)
        self._address: tuple[str, int] | None = None
        self._pusher: asyncio.Task[None] | None = None
        self._peer = ""
        self._connected_at = 0.0

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that a pusher can connect to; None while nothing listens there."""
        return self._address

    def links(self) -> tuple[LinkStatus, ...]:
        if self._pusher is None:
            return ()
        seconds = self._context.clock.now() - self._connected_at
        return (LinkStatus(self._peer, connected=True, carrier=DISTREAMER_2, connected_seconds=seconds),)

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen."""
        sockets = listening_sockets(self._settings.hostname, self._settings.port)
        host, port = sockets[0].getsockname()[:2]
        self._context.log.info("listening for a sender", address=spoken_address(host, port))
        try:
            self._address = (host, port)
            self._wait_for_pusher()
            await StreamServer(sockets, self._serve, lambda peer, reason: None, limit=MOST_CONNECTIONS).run()
        finally:
            self._address = None
            for one in sockets:
                one.close()

    async def _serve(self, stream: ByteStream) -> None:
        try:
            reader = LineReader()
            password = await _first_line(stream, reader)
            if refusal := self._refusal(password, host_of(stream.peer)):
                await stream.write(refusing_line(refusal))
                return
        except LinkError as error:
            self._context.log.debug("a conversation ended", peer=stream.peer, reason=error.reason)
            return
        except DiStreamerError as error:
            self._gate.say_refused("a sender was refused", host_of(stream.peer), str(error))
            return
        try:
            await self._take_over(stream, reader.rest())
        except DiStreamerError as error:
            self._context.log.warning("the sender was lost", peer=stream.peer, reason=str(error))

    def _refusal(self, password: bytes, host: str) -> str:
        """What it is told that may not send; empty for who may."""
        if reason := self._gate.must_wait(host):
            return reason
        is_right = hmac.compare_digest(password, self._settings.password.encode())
        self._gate.note(host, is_right=is_right)
        if is_right:
            return ""
        self._gate.say_refused("a sender was refused", host, "wrong password")
        return "Invalid password"

    async def _take_over(self, stream: ByteStream, first: bytes) -> None:
        """From now on this is the pusher."""
        if self._pusher is not None:
            self._pusher.cancel()
        me = asyncio.current_task()
        self._pusher, self._peer, self._connected_at = me, stream.peer, self._context.clock.now()
        self._context.log.info("a sender connected", peer=stream.peer)
        self._context.health.running(f"{stream.peer} sends on the wire of DiStreamer 2")
        try:
            await stream.write(accepting_line(self._receiver.begin_conversation()))
            await receive_messages(stream, self._receiver, self._settings.timeout, first)
        finally:
            if self._pusher is me:
                self._pusher = None
                self._wait_for_pusher()

    def _wait_for_pusher(self) -> None:
        where = spoken_address(*self._address) if self._address else ""
        self._context.health.starting(f"waits for a sender on {where}")


async def _first_line(stream: ByteStream, reader: LineReader) -> bytes:
    try:
        async with asyncio.timeout(PASSWORD_SECONDS):
            while (line := reader.receive_data(await read_within(stream, PASSWORD_SECONDS))) is None:
                pass
    except TimeoutError as error:
        raise LinkError(stream.peer, f"no password within {PASSWORD_SECONDS:g} s") from error
    return line
