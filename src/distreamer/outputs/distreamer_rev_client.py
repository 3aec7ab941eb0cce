"""The OUTPUT mode DiStreamerRevClient: connects to a DiStreamerRevServer and sends it the programme."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from distreamer import AGENT
from distreamer.config.fields import Password, Seconds, Words, check_http_url
from distreamer.config.settings import OutputSettings
from distreamer.config.tls_settings import LinkDialSettings
from distreamer.core.module import Health, OutputContext
from distreamer.errors import OtherWireError
from distreamer.model.status import DISTREAMER_2, LinkStatus, ListenersStatus
from distreamer.protocol.native.handshake import Identity
from distreamer.protocol.native.messages import PathFields
from distreamer.protocol.native.scram import check_password
from distreamer.sessions.connection_pair import ConnectionPair
from distreamer.sessions.dialled_paths import DialledPath, DialledPaths
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_polling import DialStream
from distreamer.sessions.legacy_pushing import LegacyPusher
from distreamer.sessions.legacy_sending import NO_OGG_BY_POLLING, RenderedStore
from distreamer.sessions.native_carriers import (
    Dials,
    DialTransport,
    RateFactor,
    Transport,
    dialling,
    pace_of,
)
from distreamer.sessions.native_link import NativeLink
from distreamer.sessions.native_sender import Supply
from distreamer.sessions.native_side import Dial
from distreamer.sessions.old_wire import NATIVE_AGAIN_SECONDS, check_old_wire, check_told_password
from distreamer.sessions.path_addresses import Binds, PathAddress, check_urls, path_addresses
from distreamer.sessions.path_choice import Multipath


class DiStreamerRevClientSettings(LinkDialSettings, OutputSettings):
    """Sends the programme to a DiStreamerRevServer over a link that may fail."""

    serverurl: Annotated[
        str,
        AfterValidator(check_urls(check_http_url)),
        Words("an address that begins with http:// or https://, or several"),
        Field(examples=["http://transmitter.example:5080"]),
    ]
    """The address of the DiStreamerRevServer, with its port. With https the link is encrypted; see TLSVERIFY. A slash
    at its end makes no difference. Several addresses of the same DiStreamerRevServer, with commas or spaces between
    them, are several paths to it, the preferred one first; see MULTIPATH. They need a DiStreamer 3 there. Each
    DiStreamerRevServer of another transmitter needs an [OUTPUT] of its own."""

    bind: Binds = ""

    multipath: Multipath = Multipath.FAILOVER
    """How several paths are used. ``failover``: the first that works carries the programme, the others are kept up and
    take over when it is silent for about a second, or falls behind; the preferred one carries it again when it was
    well for half a minute. ``share``: all carry a part, each as much as it manages; what does not come in time goes by
    another. ``duplicate``: each carries everything, and what comes first is taken; that costs the volume of all."""

    password: Annotated[Password, Field(max_length=200), AfterValidator(check_password)] = ""
    """The PASSWORD of the DiStreamerRevServer; empty for none. Both sides prove that they know it and it is not
    sent, except to a server that knows only DiStreamer 2: that one gets it in clear, see LEGACY."""

    transport: DialTransport = Transport.AUTO

    ratefactor: RateFactor = 5.0

    legacy: bool = True
    """Whether a server that answers, but does not know DiStreamer 3, is taken for a DiStreamer 2. It then gets the
    PASSWORD in clear with each request, and so would whoever pretends to be an old server on the way. ``no`` where
    the server is a DiStreamer 3. One that was heard to be a DiStreamer 3 is believed to be an old one only when it has
    given no other answer for three minutes. After an upgrade of the server the new wire is found by itself, within ten
    minutes."""

    httptimeout: Annotated[Seconds, Field(ge=1, le=300)] = 5
    """Only for a server that runs DiStreamer 2: how long it may take to answer. With a DiStreamer 3 a dead link is
    noticed within about 1.2 seconds, and new connections are tried while the old one is kept."""

    httpinterval: Annotated[Seconds, Field(ge=0.1, le=300)] = 3
    """Only for a server that runs DiStreamer 2: how often it is sent what is new. A DiStreamer 3 gets it at once."""

    @model_validator(mode="after")
    def _paths_go_together(self) -> Self:
        path_addresses(self.serverurl, self.bind)
        return self


class DiStreamerRevClient:
    """Keeps one conversation with the server alive through outages (see ``NativeLink``), or pushes to an old one."""

    def __init__(
        self,
        settings: DiStreamerRevClientSettings,
        context: OutputContext,
        dial: Dial | None = None,
        dial_legacy: DialStream | None = None,
        dial_paths: Sequence[Dials] = (),
    ) -> None:
        """``dial`` opens carriers in another way than by WebSocket, ``dial_paths`` those of several paths;
        ``dial_legacy`` connections to a DiStreamer 2 in another way than by TCP."""
        self._settings = settings
        self._context = context
        self._dial = dial
        self._dial_paths = dial_paths
        self._addresses = path_addresses(settings.serverurl, settings.bind)
        self._supplies: list[Supply] = []
        self._paths = self._make_paths() if len(self._addresses) > 1 else None
        address = LegacyAddress.parse(self._addresses[0].url, verify_tls=settings.tlsverify)
        self._peer = address.peer
        first, second = Supply(context.store), Supply(context.store)
        self._supplies = self._supplies or [first, second]
        self._pair = ConnectionPair(
            self._peer,
            (first, second),
            settings.password,
            AGENT,
            context.clock,
            context.log,
            context.health,
            is_doubled=lambda: first.must_bring_all and second.must_bring_all,
        )
        self._pusher = LegacyPusher(
            address,
            settings.password,
            RenderedStore.of(context),
            context.clock,
            settings.httptimeout,
            settings.httpinterval,
            dial_legacy,
        )
        self._pushing_since: float | None = None
        self._told_legacy = False

    def links(self) -> tuple[LinkStatus, ...]:
        if self._paths is not None:
            budget = self._budget_seconds()
            return tuple(
                replace(link, peer_budget_seconds=budget) if link.connected else link for link in self._paths.links()
            )
        if self._pushing_since is None:
            status = self._pair.status()
            if not status.connected:
                return (status,)
            return (replace(status, peer_budget_seconds=self._budget_seconds()),)
        now = self._context.clock.now()
        answered_at = self._pusher.answered_at
        heard_at = self._pushing_since if answered_at is None else answered_at
        return (
            LinkStatus(
                self._peer,
                connected=answered_at is not None,
                carrier=DISTREAMER_2,
                connected_seconds=now - self._pushing_since,
                silent_seconds=now - heard_at,
                fragments=self._pusher.fragments,
            ),
        )

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Sends until it is cancelled; raises AuthenticationError, PeerError or LinkError when more attempts at once
        would not help, and ConfigError for a PASSWORD that the server's old wire cannot carry."""
        if self._paths is not None:
            await self._paths.run()
            return
        settings = self._settings
        while True:
            try:
                await self._converse()
            except OtherWireError as error:
                if not settings.legacy:
                    raise
                check_old_wire(
                    error,
                    settings.serverurl,
                    settings.password,
                    verify_tls=settings.tlsverify,
                    fingerprint=settings.fingerprint,
                    proxy=settings.proxy,
                )
            await self._push()

    async def _converse(self) -> None:
        if self._dial is not None:
            await self._pair.run(Dials(self._dial))
            return
        async with self._dials_of(0)() as dials:
            await self._pair.run(dials)

    def _make_paths(self) -> DialledPaths:
        settings, context = self._settings, self._context
        party, paths = secrets.token_hex(8), []
        for rank, address in enumerate(self._addresses):
            supply = Supply(context.store)
            self._supplies.append(supply)
            fields = PathFields(party=party, name=address.name, rank=rank, multipath=settings.multipath.value)
            link = NativeLink(
                address.peer,
                supply,
                settings.password,
                Identity(secrets.token_hex(8), AGENT, fields),
                context.clock,
                context.log.bind(path=address.name),
                Health(context.clock),
                is_path=True,
            )
            paths.append(DialledPath(address.name, link, self._dials_of(rank), partial(_carries, supply)))
        return DialledPaths(paths, self._budget_seconds, context.clock, context.log, context.health)

    def _budget_seconds(self) -> float | None:
        """As the receiver said last, on whichever path."""
        return max(self._supplies, key=lambda supply: supply.heard_at).budget_seconds()

    def _dials_of(self, rank: int) -> Callable[[], AbstractAsyncContextManager[Dials]]:
        if self._dial_paths:
            return lambda: nullcontext(self._dial_paths[rank])
        return partial(self._dialling, self._addresses[rank])

    def _dialling(self, address: PathAddress) -> AbstractAsyncContextManager[Dials]:
        settings = self._settings
        return dialling(
            address.url,
            settings.transport,
            pace_of(self._context.store, settings.ratefactor),
            self._context.log,
            verify_tls=settings.tlsverify,
            fingerprint=settings.fingerprint,
            proxy=settings.proxy,
            local_end=address.local_end,
        )

    async def _push(self) -> None:
        """On the wire of DiStreamer 2, for a while."""
        check_told_password(self._context.name, self._settings.password)
        now = self._context.clock.now()
        self._pushing_since = now
        self._pusher.answered_at = None
        self._context.health.starting(f"{self._peer} is a DiStreamer 2; nothing was pushed yet")
        say = self._context.log.debug if self._told_legacy else self._context.log.info
        say("the receiver is a DiStreamer 2: sending on its wire", peer=self._peer)
        self._told_legacy = True
        epoch = self._context.store.newest_epoch
        if epoch is not None and epoch.info.format.codec.is_ogg:
            self._context.log.warning(NO_OGG_BY_POLLING, peer=self._peer)
        try:
            await self._pusher.run_until(now + NATIVE_AGAIN_SECONDS, self._answered)
        finally:
            self._pushing_since = None

    def _answered(self) -> None:
        self._context.health.running(f"sends to {self._peer} on the wire of DiStreamer 2")


def _carries(supply: Supply) -> bool:
    return supply.carries
