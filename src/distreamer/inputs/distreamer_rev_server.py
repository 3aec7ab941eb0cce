"""The INPUT mode DiStreamerRevServer: a DiStreamerRevClient connects and sends the programme."""

from __future__ import annotations

import asyncio
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, Field

from distreamer import __version__
from distreamer.config.fields import BindAddress, Password, Port
from distreamer.config.settings import InputSettings
from distreamer.config.tls_settings import LinkCertificateSettings
from distreamer.core.module import InputContext
from distreamer.core.ports import MessageStream
from distreamer.errors import DEFECT, AuthenticationError, DiStreamerError, LinkError, PeerError
from distreamer.model.status import DISTREAMER_2, LinkStatus, ListenersStatus
from distreamer.protocol.native.scram import check_password
from distreamer.sessions.admission import Admission
from distreamer.sessions.legacy_push_requests import PushRequests
from distreamer.sessions.legacy_receiving import LegacyReceiver
from distreamer.sessions.native_carriers import (
    AcceptTransport,
    Transport,
    accepting_quic,
    link_sockets,
    pace_of_answers,
    watching,
)
from distreamer.sessions.native_door import NativeDoor
from distreamer.sessions.native_receiver import ReceiverSession, reception_for
from distreamer.sessions.native_senders import NativeSenders
from distreamer.sessions.native_session import error_of
from distreamer.sessions.password_gate import Gated
from distreamer.sessions.path_words import paths_sentence
from distreamer.transport.link_certificate import link_certificate
from distreamer.transport.tcp import host_of, spoken_address
from distreamer.transport.websocket import WebSocketServer
from distreamer.units import spoken_seconds

MOST_CONVERSATIONS = 32
"""The sender's, the carriers that it races and the ghosts that it left; one more is told ``busy``. Who has not proven
himself yet is counted apart, see ``Admission``."""
PUSHER_SECONDS = 30.0
"""A sender of DiStreamer 2 that pushed nothing for so long is gone: ten of its intervals by default."""
LOOK_SECONDS = 1.0
"""Between two looks at how the sender is."""


class DiStreamerRevServerSettings(LinkCertificateSettings, InputSettings):
    """Takes the programme from a DiStreamerRevClient that connects over a link that may fail."""

    hostname: BindAddress = "0.0.0.0"

    port: Port = 5080
    """The TCP port to listen on, and the UDP port too, for QUIC (see TRANSPORT): a firewall must let both through. 0
    takes a free port, which the log then names."""

    password: Annotated[Password, Field(max_length=200), AfterValidator(check_password)] = ""
    """What the sender must know; empty for none. DiStreamer 3 never sends it: both sides prove that they know it.
    A DiStreamer 2 sends it in clear with each request; see LEGACY."""

    transport: AcceptTransport = Transport.AUTO

    legacy: bool = True
    """Whether a sender that still runs DiStreamer 2 is taken on the same port. ``no`` where it has been replaced:
    then nobody can learn the PASSWORD, or try many, by way of the old requests."""


class DiStreamerRevServer(Gated):
    """Takes what the sender that came last sends, on whichever of its carriers it comes."""

    def __init__(self, settings: DiStreamerRevServerSettings, context: InputContext) -> None:
        """Raises ConfigError for a PASSWORD that cannot be used."""
        self._settings = settings
        self._context = context
        self._door = NativeDoor(settings.password, context.clock, context.log)
        self._gate = self._door.gate
        self._reception = reception_for(context)
        self._senders = NativeSenders(self._reception, context.clock, context.log)
        self._pushes: PushRequests | None = None
        if settings.legacy:
            receiver = LegacyReceiver(context.ingest, context.clock, list_closes_round=False)
            self._pushes = PushRequests(receiver, settings.password, context.clock, self._say_refused, self._gate)
        self._admission = Admission(MOST_CONVERSATIONS, "senders", context.clock, context.log)
        self._pusher = ""
        """The host of the DiStreamer 2 that pushes; empty when none does."""
        self._pushing_since = 0.0
        self._group: asyncio.TaskGroup | None = None
        self._address: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that a sender can connect to; None while nothing listens there."""
        return self._address

    def links(self) -> tuple[LinkStatus, ...]:
        native = self._senders.links()
        if self._pushes is None or self._pushes.heard_at is None or any(link.connected for link in native):
            return native
        now = self._context.clock.now()
        return (
            LinkStatus(
                self._pushes.host,
                connected=bool(self._pusher),
                carrier=DISTREAMER_2,
                connected_seconds=now - self._pushing_since if self._pusher else 0.0,
                silent_seconds=now - self._pushes.heard_at,
                fragments=self._pushes.fragments,
            ),
        )

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen, ResourceError for its certificate."""
        settings, log = self._settings, self._context.log
        certificate = link_certificate(settings.certfile, settings.keyfile, self._context.clock, log)
        sockets = link_sockets(settings.hostname, settings.port, settings.transport)
        host, port = sockets[0].getsockname()[:2]
        log.info("listening for a sender", address=spoken_address(host, port), fingerprint=certificate.fingerprint)
        other = self._answer if self._pushes else None
        address, rules = (settings.hostname, port), pace_of_answers()
        try:
            async with (
                WebSocketServer(sockets, self.accept, {"/": self._greeting}, other, certificate=certificate, log=log),
                accepting_quic(address, settings.transport, lambda: certificate.pair, rules, self.accept, log),
                watching(certificate, log),
                asyncio.TaskGroup() as group,
            ):
                self._group, self._address = group, (host, port)
                asking = group.create_task(self._senders.run(), name="what each path is asked for")
                try:
                    await self._tell_health()
                finally:
                    asking.cancel()
        finally:
            self._address = None

    async def accept(self, stream: MessageStream) -> None:
        """Holds a conversation on a carrier that just came up, until it ends."""
        if self._group is None:
            return
        name = f"conversation with {stream.peer}"
        await asyncio.wait({self._group.create_task(self._converse(stream), name=name)})

    # -- DiStreamer 3

    async def _converse(self, stream: MessageStream) -> None:
        acceptor = self._door.acceptor(stream)
        session = ReceiverSession(stream, self._reception, self._context.clock, acceptor, self._welcome)
        self._admission.enter(session)
        error: DiStreamerError | None = None
        try:
            error = error_of(await session.run(), stream.peer)
        except (LinkError, PeerError) as broken:
            error = broken
        except Exception as defect:  # a defect that one sender meets must not keep the next one out
            self._context.log.error(DEFECT, peer=stream.peer, exc_info=defect)
        finally:
            self._admission.leave(session)
            was_last = self._senders.left(session)
            self._say_end(stream.peer, error, was_last=was_last, is_stranger=session.welcomed is None)

    def _welcome(self, session: ReceiverSession) -> None:
        """The sender that came last is the one, on all the carriers that it opened: it ends those that it does not
        need by itself, for only it knows which of them it races."""
        news = self._senders.welcome(session)
        if news:
            # The last audio of the old wire, if a DiStreamer 2 pushed before, is not to wait for more.
            self._context.ingest.disconnected(self._context.clock.wall())
        say = self._context.log.info if news else self._context.log.debug
        fields = session.welcomed.path if session.welcomed else None
        path = {"path": fields.name} if fields else {}
        say(
            news or "the sender opened another carrier",
            peer=session.session.stream.peer,
            program=session.peer_agent,
            **path,
        )

    def _say_end(self, peer: str, error: DiStreamerError | None, *, was_last: bool, is_stranger: bool) -> None:
        """A raced carrier that nobody needed is no news."""
        host = host_of(peer)
        if isinstance(error, AuthenticationError):
            self._say_refused(host, error.reason)
        elif isinstance(error, PeerError):
            # Strangers must not fill the log either.
            was_told = is_stranger and self._gate.was_refused(host)
            say = self._context.log.debug if was_told else self._context.log.warning
            say("a conversation was ended", peer=peer, reason=error.reason)
        elif isinstance(error, LinkError) and was_last:
            self._say_down(peer, error.reason)
        elif isinstance(error, LinkError):
            self._context.log.debug("a carrier ended", peer=peer, reason=error.reason)

    # -- DiStreamer 2

    async def _answer(self, request: web.Request) -> web.Response:
        assert self._pushes is not None
        response = await self._pushes.answer(request, is_taken=self._senders.is_connected)
        self._look_for_pusher()
        return response

    def _look_for_pusher(self) -> None:
        """Says who pushes when that changes."""
        pushes, now = self._pushes, self._context.clock.now()
        if pushes is None or pushes.heard_at is None:
            return
        is_here = now - pushes.heard_at <= PUSHER_SECONDS and not self._senders.is_connected
        host = pushes.host if is_here else ""
        if host == self._pusher:
            return
        if host:
            self._pushing_since = now
            self._context.log.info("a sender pushes on the wire of DiStreamer 2", peer=host)
        elif not self._senders.is_connected:
            self._context.log.warning("the sender pushes no more", peer=self._pusher)
        self._pusher = host

    # -- what people read

    async def _tell_health(self) -> None:
        try:
            while True:
                self._look_for_pusher()
                self._look_for_darkness()
                self._say_health()
                await self._senders.changed(LOOK_SECONDS)
        finally:
            # A carrier that comes up while the server ends is not accepted any more.
            self._group = None

    def _look_for_darkness(self) -> None:
        """Says that the link is down, or is back, where the carrier outlives that."""
        is_dark, links = self._senders.dark_news(), self._senders.links()
        if is_dark is None or not links:
            return
        if is_dark:
            self._say_down(links[0].peer, "nothing is heard any more")
        else:
            self._context.log.info("the sender is back", peer=links[0].peer)

    def _say_down(self, peer: str, reason: str) -> None:
        budget = self._reception.budget_seconds()
        audible = {} if budget is None else {"buffer_lasts": spoken_seconds(budget)}
        self._context.log.warning("the link is down", peer=peer, reason=reason, **audible)

    def _say_health(self) -> None:
        health, links = self._context.health, self._senders.links()
        here = [link for link in links if link.connected]
        if here:
            paths = f": {paths_sentence(links)}" if here[0].path else ""
            health.running(f"receives from {here[0].peer}{paths}")
        elif self._pusher:
            health.running(f"{self._pusher} pushes on the wire of DiStreamer 2")
        elif links:
            latest = min(links, key=lambda link: link.silent_seconds)
            silent = spoken_seconds(round(latest.silent_seconds))
            health.starting(f"{latest.peer} was not heard for {silent}; waits for it")
        else:
            assert self._address is not None
            health.starting(f"waits for a sender on {spoken_address(*self._address)}")

    def _say_refused(self, host: str, reason: str) -> None:
        self._gate.say_refused("a sender was refused", host, reason)

    def _greeting(self) -> str:
        return f"DiStreamer {__version__} takes a programme here. Point a DiStreamerRevClient at this address.\n"
