"""The INPUT mode DiStreamerClient: takes the programme from a DiStreamerServer at the other end of a bad link."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from distreamer import __version__
from distreamer.config.fields import HttpUrl, Password, Seconds
from distreamer.config.settings import InputSettings
from distreamer.core.module import InputContext
from distreamer.model.status import LinkStatus, ListenersStatus, PlayoutState
from distreamer.protocol.native.events import PeerReport
from distreamer.protocol.native.handshake import Identity
from distreamer.protocol.native.scram import check_password
from distreamer.sessions.native_link import Dial, NativeLink
from distreamer.sessions.native_receiver import Reception
from distreamer.transport.websocket import WebSocketDialler

HISTORY_BEYOND_DELAY_SECONDS = 5.0
"""Asked for at the start beyond what playout needs, so that it can begin while the newest is still on its way."""
AGENT = f"DiStreamer/{__version__}"


def _plain_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("must end with the path: no ? and no #")
    return url


class DiStreamerClientSettings(InputSettings):
    """Takes the programme from a DiStreamerServer over a link that may fail."""

    serverurl: Annotated[HttpUrl, AfterValidator(_plain_address), Field(examples=["http://studio.example:7080"])]
    """The address of the DiStreamerServer, with its port. https where a proxy with TLS stands before it. A slash at
    its end makes no difference."""

    password: Annotated[Password, Field(max_length=200), AfterValidator(check_password)] = ""
    """The PASSWORD of the DiStreamerServer; empty for none. It is never sent: both sides prove that they know it.
    When it is set here the other side must know it too."""

    tlsverify: bool = True
    """Whether the certificate of an https server must be valid. ``no`` takes any certificate: then somebody on the
    way could listen in, or pretend to be the server towards a client without PASSWORD."""

    httptimeout: Annotated[Seconds, Field(ge=1, le=300)] = 5
    """Has no effect; taken so that DiStreamer 2 files go on working. A dead link is noticed within
    about 1.2 seconds, and new connections are tried while the old one is kept."""

    httpinterval: Annotated[Seconds, Field(ge=0.1, le=300)] = 3
    """Has no effect; taken so that DiStreamer 2 files go on working. The server sends by itself as soon as there is
    something new."""


class DiStreamerClient:
    """Keeps one conversation with the server alive through outages; see ``NativeLink``."""

    def __init__(self, settings: DiStreamerClientSettings, context: InputContext, dial: Dial | None = None) -> None:
        """``dial`` opens carriers in another way than by WebSocket."""
        self._settings = settings
        self._context = context
        self._dial = dial
        store = context.store
        self._link = NativeLink(
            peer=urlsplit(settings.serverurl).netloc.rpartition("@")[2],
            reception=Reception(
                store=store,
                back_seconds=context.delay_seconds + HISTORY_BEYOND_DELAY_SECONDS,
                resume_seconds=store.limits.seconds,
                report=self._report,
            ),
            password=settings.password,
            identity=Identity(secrets.token_hex(8), AGENT),
            clock=context.clock,
            log=context.log,
            health=context.health,
        )

    async def run(self) -> None:
        """Receives until it is cancelled; raises AuthenticationError, PeerError or LinkError when more attempts at
        once would not help."""
        if self._dial is not None:
            await self._link.run(self._dial)
            return
        async with WebSocketDialler(self._settings.serverurl, verify_tls=self._settings.tlsverify) as dialler:
            await self._link.run(dialler.dial)

    def links(self) -> tuple[LinkStatus, ...]:
        return (self._link.status(),)

    def listeners(self) -> ListenersStatus | None:
        return None

    def _report(self) -> PeerReport:
        held = self._context.store.seconds
        if self._context.playout is None:
            return PeerReport(buffer_seconds=held)
        playout = self._context.playout.status()
        if playout.state is PlayoutState.WAITING:
            return PeerReport(buffer_seconds=held)
        return PeerReport(budget_seconds=max(0.0, playout.budget_seconds), buffer_seconds=held)
