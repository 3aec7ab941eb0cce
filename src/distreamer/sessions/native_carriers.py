"""Which carriers a module dials and accepts: QUIC and WebSocket, on one port number."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field
from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import MessageStream
from distreamer.core.store import Store
from distreamer.errors import BindError
from distreamer.sessions.native_side import Dial
from distreamer.transport.http_proxy import HttpProxy
from distreamer.transport.link_certificate import LinkCertificate
from distreamer.transport.link_trust import LinkTrust, read_fingerprint
from distreamer.transport.local_end import LocalEnd
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import ANY_CERTIFICATE, QuicDialler
from distreamer.transport.quic_acceptor import QuicAcceptor, udp_sockets
from distreamer.transport.remembering_resolver import RememberingResolver
from distreamer.transport.self_signed import KeyPair
from distreamer.transport.tcp import listening_sockets
from distreamer.transport.websocket import WebSocketDialler

DEFAULT_PORTS = {"http": 80, "https": 443}
MEASURED_FRAGMENTS = 30
"""The newest, by which the bitrate is known."""
LOUD_FRAGMENTS = 3
"""Or so many, when there is more in them: music after silence is many times as much in FLAC."""
ANSWERS_FACTOR = 5.0
"""Times the least rate: some bytes for each packet that arrives."""
FREE_PORT_TRIES = 20
"""For a port that is free with TCP and with UDP."""


class Transport(StrEnum):
    """TRANSPORT: which carriers may be used."""

    AUTO = "auto"
    QUIC = "quic"
    TCP = "tcp"


DialTransport = Annotated[
    Transport,
    Field(
        description="""How the link is carried. ``auto``: QUIC (on the UDP port of the same number) and TCP are tried at
        the same time, and QUIC is used where the network lets it through, for it survives lost packets and changing
        addresses best. When it falls silent, or brings too little, TCP takes over. ``quic`` or ``tcp``: only that.
        Where TCP carries the only path, two connections divide the programme, for one alone stands still for seconds
        where packets are lost; they are shown as one link.""",
    ),
]
"""TRANSPORT of the modules that dial, with its text."""
AcceptTransport = Annotated[
    Literal[Transport.AUTO, Transport.TCP],
    Field(
        description="""How the link may be carried. ``auto``: by TCP, and by QUIC on the UDP port of the same number;
        the other side uses what the network lets through. ``tcp``: the UDP port stays closed. On a machine with
        several addresses name one in HOSTNAME: else answers by UDP may leave from another one than they were asked at,
        and only TCP works.""",
    ),
]
"""TRANSPORT of the modules that accept, with its text."""
RateFactor = Annotated[
    float,
    Field(
        ge=1.5,
        le=100,
        description="""How fast missed audio may follow, over QUIC: at the most so many times as fast as the stream
        itself. It is slower where the link is thinner.""",
    ),
]
"""RATEFACTOR of the modules that send, with its text."""


@dataclass(frozen=True, slots=True)
class Dials:
    """How carriers are opened."""

    dial: Dial
    better: Dial | None = None
    """The preferred kind, raced beside the other."""


@asynccontextmanager
async def dialling(
    url: str,
    transport: Transport,
    rules: PaceRules,
    log: FilteringBoundLogger,
    *,
    verify_tls: bool,
    fingerprint: str = "",
    proxy: str = "",
    local_end: LocalEnd | None = None,
) -> AsyncIterator[Dials]:
    """The ways to the acceptor at ``url``, from ``local_end`` if there is one; through ``proxy``, the address of one,
    UDP does not get."""
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    trust = LinkTrust(verify_tls, read_fingerprint(fingerprint))
    quic_trust = trust if parts.scheme == "https" else ANY_CERTIFICATE
    way = HttpProxy.of(proxy)
    # One for both: where no name server answers each question holds a thread.
    async with _names() as names:
        quic = QuicDialler(parts.hostname or "", port, rules, log, names, trust=quic_trust, local_end=local_end)
        if transport is Transport.QUIC:
            yield Dials(quic.dial)
            return
        async with WebSocketDialler(
            url, trust, media_rate=rules.media_rate, proxy=way, local_end=local_end, resolver=names
        ) as websocket:
            yield Dials(websocket.dial, quic.dial if transport is Transport.AUTO and not proxy else None)


@asynccontextmanager
async def _names() -> AsyncIterator[RememberingResolver]:
    resolver = RememberingResolver()
    try:
        yield resolver
    finally:
        await resolver.close()


def link_sockets(host: str, port: int, transport: Transport) -> list[socket.socket]:
    """TCP sockets that listen, as ``listening_sockets`` opens them; with port 0 on one whose number is free with UDP
    too, unless TRANSPORT forbids QUIC. The caller owns them. Raises BindError."""
    tries_left = 1 if port or transport is Transport.TCP else FREE_PORT_TRIES
    while True:
        sockets, tries_left = listening_sockets(host, port), tries_left - 1
        if not tries_left or _is_free_with_udp(host, sockets[0].getsockname()[1]):
            return sockets
        for one in sockets:
            one.close()


def _is_free_with_udp(host: str, port: int) -> bool:
    try:
        for one in udp_sockets(host, port):
            one.close()
    except BindError:
        return False
    return True


@asynccontextmanager
async def accepting_quic(
    address: tuple[str, int],
    transport: Transport,
    pair: Callable[[], KeyPair],
    rules: PaceRules,
    accept: Callable[[MessageStream], Awaitable[None]],
    log: FilteringBoundLogger,
) -> AsyncIterator[None]:
    """Accepts QUIC at the UDP port of the same number, unless TRANSPORT forbids it. Where that port is taken the rest
    goes on without. ``pair`` gives the certificate of connections that begin."""
    if transport is Transport.TCP:
        yield
        return
    async with AsyncExitStack() as stack:
        try:
            sockets = udp_sockets(*address)
        except BindError as error:
            log.warning("QUIC cannot be offered; the link is worse where packets are lost", reason=str(error))
        else:
            await stack.enter_async_context(QuicAcceptor(sockets, pair, rules, accept, log))
        yield


@asynccontextmanager
async def watching(certificate: LinkCertificate, log: FilteringBoundLogger) -> AsyncIterator[None]:
    """Takes the files of ``certificate`` up when they change."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(certificate.watch(log), name="certificate")
        yield
        task.cancel()


def pace_of(store: Store, factor: float) -> PaceRules:
    """For what is sent from ``store``."""
    return PaceRules(_MediaRate(store), factor)


def pace_of_answers() -> PaceRules:
    """For those who only say what they have received."""
    return PaceRules(lambda: 0.0, ANSWERS_FACTOR)


class _MediaRate:
    """Bytes a second of the newest audio in a store, without the set-up headers, which are sent once; 0 when there is
    none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = -1
        self._rate = 0.0

    def __call__(self) -> float:
        if self._store.added != self._seen:
            self._seen = self._store.added
            self._rate = self._measured()
        return self._rate

    def _measured(self) -> float:
        return max(self._mean(MEASURED_FRAGMENTS), self._mean(LOUD_FRAGMENTS))

    def _mean(self, count: int) -> float:
        epoch = self._store.newest_epoch
        newest = [epoch.fragments[number] for number in epoch.numbers[-count:]] if epoch else []
        seconds = sum(epoch.seconds(one.duration) for one in newest) if epoch else 0.0
        return sum(len(one.audio) for one in newest) / seconds if seconds else 0.0
