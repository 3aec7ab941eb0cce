"""The INPUT mode DiStreamerClient: takes the programme from a DiStreamerServer at the other end of a bad link.

A server that still runs DiStreamer 2 is polled, as a DiStreamer 2 would do it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from distreamer import AGENT
from distreamer.config.fields import Password, Seconds, Words, check_http_url
from distreamer.config.settings import InputSettings
from distreamer.config.tls_settings import LinkDialSettings
from distreamer.core.module import Health, InputContext
from distreamer.errors import LinkError, OtherWireError, PeerError
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.protocol.native.handshake import Identity
from distreamer.protocol.native.messages import PathFields
from distreamer.protocol.native.scram import check_password
from distreamer.sessions.connection_pair import ConnectionPair
from distreamer.sessions.dialled_paths import DialledPath, DialledPaths
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_polling import DialStream, LegacyPolling
from distreamer.sessions.legacy_receiving import LegacyReceiver
from distreamer.sessions.native_carriers import (
    Dials,
    DialTransport,
    Transport,
    dialling,
    pace_of_answers,
)
from distreamer.sessions.native_link import CONNECT_SECONDS, NativeLink
from distreamer.sessions.native_receiver import reception_for
from distreamer.sessions.native_side import Dial
from distreamer.sessions.old_wire import NATIVE_AGAIN_SECONDS, check_old_wire, check_told_password
from distreamer.sessions.path_addresses import Binds, PathAddress, check_urls, path_addresses
from distreamer.sessions.path_choice import Multipath
from distreamer.sessions.receiving_paths import ReceivingPair, ReceivingPaths


def _plain_address(url: str) -> str:
    check_http_url(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("must end with the path: no ? and no #")
    return url


class DiStreamerClientSettings(LinkDialSettings, InputSettings):
    """Takes the programme from a DiStreamerServer over a link that may fail."""

    serverurl: Annotated[
        str,
        AfterValidator(check_urls(_plain_address)),
        Words("an address that begins with http:// or https://, or several"),
        Field(examples=["http://studio.example:7080"]),
    ]
    """The address of the DiStreamerServer, with its port. With https the link is encrypted; see TLSVERIFY. A slash
    at its end makes no difference. Several addresses, with commas or spaces between them, are several paths to the same
    programme, the preferred one first: two lines of the studio, or a second DiStreamer that takes the programme from
    the first one by DiStreamerClient and serves it by DiStreamerServer; see MULTIPATH. They need a DiStreamer 3 there.
    Two encoders, or two relays of a station, are two programmes, and need an [INPUT] each."""

    bind: Binds = ""

    multipath: Multipath = Multipath.FAILOVER
    """How several paths are used. ``failover``: the first that works brings the programme, the others are kept up and
    take over when it is silent for about a second, or falls behind; the preferred one brings it again when it was well
    for half a minute. ``share``: all bring a part, each as much as it manages; what does not come in time is asked of
    another. ``duplicate``: each brings everything, and what comes first is taken; that costs the volume of all."""

    password: Annotated[Password, Field(max_length=200), AfterValidator(check_password)] = ""
    """The PASSWORD of the DiStreamerServer; empty for none. A DiStreamer 3 is never sent it: both sides prove that
    they know it, and when it is set here the other side must know it too. To a DiStreamer 2 it goes in clear; see
    LEGACY."""

    transport: DialTransport = Transport.AUTO

    legacy: bool = True
    """Whether a server that answers, but does not know DiStreamer 3, is taken for a DiStreamer 2 and polled. It then
    gets the PASSWORD in clear with each request, and so would whoever pretends to be an old server on the way. ``no``
    where the server is a DiStreamer 3. One that was heard to be a DiStreamer 3 is believed to be an old one only when
    it has given no other answer for three minutes. After an upgrade of the server the new wire is found by itself,
    within ten minutes."""

    httptimeout: Annotated[Seconds, Field(ge=1, le=300)] = 5
    """Only for a server that runs DiStreamer 2: a request in which nothing comes for so long is given up. From a
    DiStreamer 3 a dead link is noticed within about 1.2 seconds, and new connections are tried while the old one is
    kept."""

    httpinterval: Annotated[Seconds, Field(ge=0.1, le=300)] = 3
    """Only for a server that runs DiStreamer 2: how often it is asked what is new. A DiStreamer 3 sends by itself as
    soon as there is something new."""

    @model_validator(mode="after")
    def _paths_go_together(self) -> Self:
        path_addresses(self.serverurl, self.bind)
        return self


class DiStreamerClient:
    """Keeps one conversation with the server alive through outages; see ``NativeLink``, and ``LegacyPolling`` for a
    server that runs DiStreamer 2."""

    def __init__(
        self,
        settings: DiStreamerClientSettings,
        context: InputContext,
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
        self._paths = self._make_paths() if len(self._addresses) > 1 else None
        self._is_polling = False
        receiving = ReceivingPair(reception_for(context), context.clock, context.log)
        self._pair = ConnectionPair(
            peer=self._addresses[0].peer,
            sides=(receiving.first.reception, receiving.second.reception),
            password=settings.password,
            agent=AGENT,
            clock=context.clock,
            log=context.log,
            health=context.health,
            is_doubled=lambda: receiving.plan.is_doubled,
            beside=receiving.run,
        )
        address = LegacyAddress.parse(self._addresses[0].url, verify_tls=settings.tlsverify)
        self._polling = LegacyPolling(
            address,
            settings.password,
            LegacyReceiver(context.ingest, context.clock, list_closes_round=False),
            context.clock,
            context.log,
            context.health,
            interval_seconds=settings.httpinterval,
            timeout_seconds=settings.httptimeout,
            dial=dial_legacy,
        )

    async def run(self) -> None:
        """Receives until it is cancelled; raises AuthenticationError, PeerError or LinkError when more attempts at
        once would not help, and ConfigError for a PASSWORD that the server's old wire cannot carry."""
        if self._paths is not None:
            await self._paths.run()
            return
        if self._dial is not None:
            await self._receive(Dials(self._dial))
            return
        async with self._dials_of(0)() as dials:
            await self._receive(dials)

    def links(self) -> tuple[LinkStatus, ...]:
        if self._paths is not None:
            return self._paths.links()
        return (self._polling.status() if self._is_polling else self._pair.status(),)

    def listeners(self) -> ListenersStatus | None:
        return None

    def _make_paths(self) -> DialledPaths:
        settings, context = self._settings, self._context
        common = reception_for(context)
        receiving = ReceivingPaths(settings.multipath, common, context.clock, context.log)
        party, paths = secrets.token_hex(8), []
        for rank, address in enumerate(self._addresses):
            path = receiving.add(address.name, rank)
            fields = PathFields(party=party, name=address.name, rank=rank, multipath=settings.multipath.value)
            link = NativeLink(
                peer=address.peer,
                side=path.reception,
                password=settings.password,
                identity=Identity(secrets.token_hex(8), AGENT, fields),
                clock=context.clock,
                log=context.log.bind(path=address.name),
                health=Health(context.clock),
                is_path=True,
            )
            paths.append(DialledPath(address.name, link, self._dials_of(rank), partial(receiving.carries, path)))
        return DialledPaths(
            paths, common.budget_seconds, context.clock, context.log, context.health, beside=receiving.run
        )

    def _dials_of(self, rank: int) -> Callable[[], AbstractAsyncContextManager[Dials]]:
        if self._dial_paths:
            return lambda: nullcontext(self._dial_paths[rank])
        return partial(self._dialling, self._addresses[rank])

    def _dialling(self, address: PathAddress) -> AbstractAsyncContextManager[Dials]:
        settings = self._settings
        return dialling(
            address.url,
            settings.transport,
            pace_of_answers(),
            self._context.log,
            verify_tls=settings.tlsverify,
            fingerprint=settings.fingerprint,
            proxy=settings.proxy,
            local_end=address.local_end,
        )

    async def _receive(self, dials: Dials) -> None:
        """A server that is upgraded while it is polled is talked to anew."""
        settings = self._settings
        while True:
            try:
                await self._pair.run(dials)
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
            await self._poll(dials.dial)

    async def _poll(self, dial: Dial) -> None:
        """Returns when the server speaks DiStreamer 3."""
        check_told_password(self._context.name, self._settings.password)
        self._is_polling = True
        try:
            await self._polling.run(NATIVE_AGAIN_SECONDS)
            while not await _speaks_native(dial):
                await self._polling.run(NATIVE_AGAIN_SECONDS)
        finally:
            self._is_polling = False
        # The last audio of the old wire is not to wait for more.
        self._context.ingest.disconnected(self._context.clock.wall())


async def _speaks_native(dial: Dial) -> bool:
    """Tries it without disturbing what is received meanwhile by other means."""
    try:
        carrier = await dial(CONNECT_SECONDS)
    except (LinkError, PeerError):
        return False
    await carrier.close()
    return True
