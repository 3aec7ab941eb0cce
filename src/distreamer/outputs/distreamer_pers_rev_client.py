"""The OUTPUT mode DiStreamerPersRevClient: connects to a DiStreamerPersRevServer and pushes the programme."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from distreamer.config.fields import HttpUrl, Password, Seconds
from distreamer.config.settings import OutputSettings
from distreamer.core.module import OutputContext
from distreamer.core.ports import ByteStream
from distreamer.errors import AuthenticationError, ConfigError, PeerError, ProtocolError
from distreamer.model.status import DISTREAMER_2, LinkStatus, ListenersStatus
from distreamer.protocol.legacy.persistent import LineReader, Refused, password_line, read_answer
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_polling import DialStream
from distreamer.sessions.legacy_receiving import read_within
from distreamer.sessions.legacy_sending import RenderedStore, send_rounds


class DiStreamerPersRevClientSettings(OutputSettings):
    """Pushes the programme to a DiStreamerPersRevServer over one long connection (wire of DiStreamer 2)."""

    serverurl: Annotated[HttpUrl, Field(examples=["http://transmitter.example:3080"])]
    """The address of the DiStreamerPersRevServer, with its port."""

    timeout: Annotated[Seconds, Field(ge=1, le=300)] = 5
    """How long the server may take to answer, and to take a fragment."""

    interval: Annotated[Seconds, Field(ge=0.1, le=60)] = 1
    """How often the server is sent what is new."""

    password: Annotated[Password, Field(max_length=200)] = ""
    """The PASSWORD of the server, sent in clear: this wire is DiStreamer 2's. Empty for none."""


class DiStreamerPersRevClient:
    """Connects, learns what the server holds, and sends what it lacks."""

    def __init__(
        self, settings: DiStreamerPersRevClientSettings, context: OutputContext, dial: DialStream | None = None
    ) -> None:
        """``dial`` opens connections in another way than by TCP. Raises ConfigError for a PASSWORD that this wire
        cannot carry."""
        self._settings = settings
        self._context = context
        self._address = LegacyAddress.parse(settings.serverurl)
        self._dial = dial or self._address.dial
        self._rendered = RenderedStore.of(context)
        self._connected_at: float | None = None
        try:
            self._password = password_line(settings.password)
        except ProtocolError as error:
            raise ConfigError([f"{context.name}: {error}"]) from error

    def links(self) -> tuple[LinkStatus, ...]:
        since = self._connected_at
        seconds = 0.0 if since is None else self._context.clock.now() - since
        return (LinkStatus(self._address.peer, since is not None, DISTREAMER_2, connected_seconds=seconds),)

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Pushes until it is cancelled; raises LinkError, PeerError or AuthenticationError."""
        health, peer = self._context.health, self._address.peer
        health.starting(f"connecting to {peer}")
        stream = await self._dial(self._settings.timeout)
        try:
            holdings = await self._log_in(stream)
            self._connected_at = self._context.clock.now()
            health.running(f"sends to {peer} on the wire of DiStreamer 2")
            self._context.log.info("connected to the receiver", peer=peer)
            await send_rounds(stream, self._rendered, holdings, self._settings.interval, self._settings.timeout)
        finally:
            self._connected_at = None
            await stream.close()

    async def _log_in(self, stream: ByteStream) -> tuple[int, ...]:
        """What the server holds."""
        await stream.write(self._password)
        reader = LineReader()
        try:
            while (line := reader.receive_data(await read_within(stream, self._settings.timeout))) is None:
                pass
            answer = read_answer(line)
        except ProtocolError as error:
            raise PeerError(stream.peer, str(error)) from error
        if isinstance(answer, Refused):
            reason = f"does not accept the PASSWORD of this side; it says: {answer.reason}"
            raise AuthenticationError(stream.peer, reason)
        return answer
