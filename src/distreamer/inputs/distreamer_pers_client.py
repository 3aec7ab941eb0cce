"""The INPUT mode DiStreamerPersClient: takes the programme from a DiStreamerPersServer over one long connection."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from distreamer.config.fields import HttpUrl, Password, Seconds
from distreamer.config.settings import InputSettings
from distreamer.core.module import InputContext
from distreamer.errors import ConfigError, ProtocolError
from distreamer.model.status import DISTREAMER_2, LinkStatus, ListenersStatus
from distreamer.protocol.legacy.persistent import opening_request
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_polling import DialStream
from distreamer.sessions.legacy_receiving import LegacyReceiver, receive_messages


class DiStreamerPersClientSettings(InputSettings):
    """Takes the programme from a DiStreamerPersServer over one long connection (wire of DiStreamer 2)."""

    serverurl: Annotated[HttpUrl, Field(examples=["http://studio.example:4080"])]
    """The address of the DiStreamerPersServer, with its port."""

    httptimeout: Annotated[Seconds, Field(ge=1, le=300)] = 5
    """A server that sends nothing for this long is taken for dead, and connected anew."""

    password: Annotated[Password, Field(max_length=200)] = ""
    """The PASSWORD of the server, sent in clear: this wire is DiStreamer 2's. Empty for none."""


class DiStreamerPersClient:
    """Connects, says what it holds, and takes what comes."""

    def __init__(
        self, settings: DiStreamerPersClientSettings, context: InputContext, dial: DialStream | None = None
    ) -> None:
        """``dial`` opens connections in another way than by TCP. Raises ConfigError for a PASSWORD that this wire
        cannot carry."""
        self._settings = settings
        self._context = context
        self._address = LegacyAddress.parse(settings.serverurl)
        self._dial = dial or self._address.dial
        self._receiver = LegacyReceiver(context.ingest, context.clock, list_closes_round=True)
        self._connected_at: float | None = None
        try:
            opening_request("", settings.password, ())
        except ProtocolError as error:
            raise ConfigError([f"{context.name}: {error}"]) from error

    def links(self) -> tuple[LinkStatus, ...]:
        since = self._connected_at
        seconds = 0.0 if since is None else self._context.clock.now() - since
        return (LinkStatus(self._address.peer, since is not None, DISTREAMER_2, connected_seconds=seconds),)

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Receives until it is cancelled; raises LinkError, PeerError or AuthenticationError."""
        health, peer = self._context.health, self._address.peer
        health.starting(f"connecting to {peer}")
        stream = await self._dial(self._settings.httptimeout)
        try:
            holdings = self._receiver.begin_conversation()
            await stream.write(opening_request(self._address.path, self._settings.password, holdings))
            self._connected_at = self._context.clock.now()
            health.running(f"receives from {peer} on the wire of DiStreamer 2")
            self._context.log.info("connected to the sender", peer=peer)
            await receive_messages(stream, self._receiver, self._settings.httptimeout)
        finally:
            self._connected_at = None
            await stream.close()
