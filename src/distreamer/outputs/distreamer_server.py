"""The OUTPUT mode DiStreamerServer: receivers connect from the other end of a bad link, DiStreamer 3 and 2 alike."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import AfterValidator, Field

from distreamer import __version__
from distreamer.config.fields import BindAddress, Password, Port
from distreamer.config.settings import OutputSettings
from distreamer.config.tls_settings import LinkCertificateSettings
from distreamer.core.module import OutputContext
from distreamer.core.ports import MessageStream
from distreamer.errors import DEFECT, AuthenticationError, DiStreamerError, LinkError, PeerError
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.polling_answers import PollingAnswers, legacy_password_fault
from distreamer.outputs.receivers import Receivers
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import PROBE_AGENT
from distreamer.protocol.native.scram import check_password
from distreamer.sessions.admission import Admission
from distreamer.sessions.native_carriers import (
    AcceptTransport,
    RateFactor,
    Transport,
    accepting_quic,
    link_sockets,
    pace_of,
    watching,
)
from distreamer.sessions.native_door import NativeDoor
from distreamer.sessions.native_sender import SenderSession
from distreamer.sessions.native_session import error_of
from distreamer.sessions.password_gate import Gated
from distreamer.transport.link_certificate import link_certificate
from distreamer.transport.tcp import host_of, spoken_address
from distreamer.transport.websocket import WebSocketServer

MOST_CONVERSATIONS = 128
"""Receivers, the carriers that they race and the ghosts that they left; one more is told ``busy``. Who has not
proven himself yet is counted apart, see ``Admission``."""


class DiStreamerServerSettings(LinkCertificateSettings, OutputSettings):
    """Serves the programme to DiStreamerClients over links that may fail."""

    hostname: BindAddress = "0.0.0.0"

    port: Port = 7080
    """The TCP port to listen on, and the UDP port too, for QUIC (see TRANSPORT): a firewall must let both through. 0
    takes a free port, which the log then names."""

    password: Annotated[Password, Field(max_length=200), AfterValidator(check_password)] = ""
    """What receivers must know; empty for none. DiStreamer 3 never sends it: both sides prove that they know it.
    A DiStreamer 2 sends it in clear with each request; see LEGACY."""

    transport: AcceptTransport = Transport.AUTO

    ratefactor: RateFactor = 5.0

    legacy: bool = True
    """Whether receivers that still run DiStreamer 2 are served on the same port. ``no`` where all have been replaced:
    then nobody can learn the PASSWORD, or try many, by way of the old requests. A PASSWORD with spaces or with
    letters beyond ASCII closes the old way too, for those requests cannot carry it."""


class DiStreamerServer(Gated):
    """Accepts receivers and gives each a conversation of its own; one that fails disturbs no other."""

    def __init__(self, settings: DiStreamerServerSettings, context: OutputContext) -> None:
        """Raises ConfigError for a PASSWORD that cannot be used."""
        self._settings = settings
        self._context = context
        self._door = NativeDoor(settings.password, context.clock, context.log)
        self._gate = self._door.gate
        self._receivers = Receivers(context.clock)
        self._admission = Admission(MOST_CONVERSATIONS, "receivers", context.clock, context.log)
        self._polling = self._answers_for_polling()
        self._group: asyncio.TaskGroup | None = None
        self._address: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that receivers can connect to; None while nothing listens there."""
        return self._address

    def links(self) -> tuple[LinkStatus, ...]:
        return self._receivers.links() + (self._polling.links() if self._polling else ())

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen, ResourceError for its certificate."""
        settings, log = self._settings, self._context.log
        certificate = link_certificate(settings.certfile, settings.keyfile, self._context.clock, log)
        sockets = link_sockets(settings.hostname, settings.port, settings.transport)
        host, port = sockets[0].getsockname()[:2]
        log.info("listening for receivers", address=spoken_address(host, port), fingerprint=certificate.fingerprint)
        pages = {"/": self._greeting}
        other = self._polling.serve if self._polling else None
        rules = pace_of(self._context.store, settings.ratefactor)
        address, rate = (settings.hostname, port), rules.media_rate
        try:
            async with (
                WebSocketServer(sockets, self.accept, pages, other, media_rate=rate, certificate=certificate, log=log),
                accepting_quic(address, settings.transport, lambda: certificate.pair, rules, self.accept, log),
                watching(certificate, log),
                asyncio.TaskGroup() as group,
            ):
                self._group, self._address = group, (host, port)
                await self._tell_health()
        finally:
            self._address = None

    async def _tell_health(self) -> None:
        try:
            while True:
                self._tell_dark()
                self._context.health.running(self._sentence())
                await self._receivers.changed()
        finally:
            # A carrier that comes up while the server ends is not accepted any more.
            self._group = None

    def _tell_dark(self) -> None:
        for peer, is_dark in self._receivers.dark_news():
            if is_dark:
                self._context.log.warning("a receiver was lost", peer=peer, reason="nothing is heard any more")
            else:
                self._context.log.info("a receiver is back", peer=peer)

    def _answers_for_polling(self) -> PollingAnswers | None:
        password = self._settings.password
        if not self._settings.legacy:
            return None
        if fault := legacy_password_fault(password):
            self._context.log.warning("receivers that run DiStreamer 2 cannot be served", reason=fault)
            return None
        return PollingAnswers(password, self._context, self._gate, self._say_refused)

    def _sentence(self) -> str:
        native = self._receivers.sentence()
        polling = self._polling.sentence() if self._polling else ""
        if not polling:
            return native
        return f"{native}; {polling}" if any(link.connected for link in self._receivers.links()) else polling

    async def accept(self, stream: MessageStream) -> None:
        """Holds a conversation on a carrier that just came up, until it ends."""
        if self._group is None:
            return
        name = f"conversation with {stream.peer}"
        await asyncio.wait({self._group.create_task(self._converse(stream), name=name)})

    async def _converse(self, stream: MessageStream) -> None:
        session = SenderSession(
            stream,
            self._context.store,
            self._context.clock,
            self._door.acceptor(stream),
            self._taken,
        )
        self._admission.enter(session)
        error: DiStreamerError | None = None
        for_another = False
        try:
            ended = await session.run()
            for_another = ended.by_peer and ended.code is GoodbyeCode.REPLACED
            error = error_of(ended, stream.peer)
        except (LinkError, PeerError) as broken:
            error = broken
        except Exception as defect:  # a defect that one receiver meets must not end the others' audio
            self._context.log.error(DEFECT, peer=stream.peer, exc_info=defect)
        finally:
            self._admission.leave(session)
            was_receiver = self._receivers.left(session, for_another=for_another)
            self._say_end(stream.peer, error, was_receiver=was_receiver, is_stranger=session.welcomed is None)

    def _taken(self, session: SenderSession) -> None:
        if session.peer_agent.startswith(PROBE_AGENT):
            # When it leaves nobody is to be alarmed.
            self._context.log.info("a probe measures the link", peer=session.session.stream.peer)
            return
        news = self._receivers.taken(session)
        if news:
            fields = session.welcomed.path if session.welcomed else None
            path = {"path": fields.name} if fields else {}
            self._context.log.info(news, peer=session.session.stream.peer, **path)

    def _say_end(self, peer: str, error: DiStreamerError | None, *, was_receiver: bool, is_stranger: bool) -> None:
        """A raced carrier that nobody needed is no news."""
        if isinstance(error, AuthenticationError):
            self._say_refused(peer, error.reason)
        elif isinstance(error, PeerError):
            # Strangers must not fill the log either.
            was_told = is_stranger and self._gate.was_refused(host_of(peer))
            say = self._context.log.debug if was_told else self._context.log.warning
            say("a conversation was ended", peer=peer, reason=error.reason)
        elif isinstance(error, LinkError) and was_receiver:
            self._context.log.warning("a receiver was lost", peer=peer, reason=error.reason)
        elif isinstance(error, LinkError):
            self._context.log.debug("a carrier ended", peer=peer, reason=error.reason)

    def _say_refused(self, peer: str, reason: str) -> None:
        self._gate.say_refused("a receiver was refused", host_of(peer), reason)

    def _greeting(self) -> str:
        return f"DiStreamer {__version__} serves a programme here. Point a DiStreamerClient at this address.\n"
