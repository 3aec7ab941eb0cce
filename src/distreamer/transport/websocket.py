"""WebSocket connections as carriers of messages, dialled and accepted, by aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import http
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.http import WebSocketWriter
from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import CarrierKind
from distreamer.core.time_limit import time_limit
from distreamer.errors import LinkError, OtherWireError, PeerError
from distreamer.transport.http_proxy import HttpProxy
from distreamer.transport.link_certificate import LinkCertificate
from distreamer.transport.link_connector import LinkConnector
from distreamer.transport.link_listener import LinkListener
from distreamer.transport.link_sockets import prepare_socket, set_send_buffer, tune_transport
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.link_uses import LinkUses
from distreamer.transport.local_end import LocalEnd
from distreamer.transport.tcp import abort, spoken_address, spoken_fault

PATH = "/distreamer3"
"""Below the path of SERVERURL."""
MESSAGE_BYTES = 65_536
LARGEST_BODY_BYTES = 1_048_576
"""Of a request that is not for the WebSocket."""
MediaRate = Callable[[], float]
"""Bytes of audio a second that the carriers are to bring."""
CLOSE_SECONDS = 0.5
"""How long aiohttp waits for the other side's closing frame."""
SHUTDOWN_SECONDS = 2.0
"""How long conversations may take to say goodbye when the server ends."""


def _nothing() -> float:
    return 0.0


class WebSocketMessages:
    """A MessageStream over a WebSocket."""

    kind = CarrierKind("websocket", stands_still=True)

    def __init__(
        self,
        websocket: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
        transport: asyncio.Transport | None,
        peer: str,
        binding: bytes | None = None,
        media_rate: MediaRate = _nothing,
    ) -> None:
        self._websocket = websocket
        self._transport = transport
        self._peer = peer
        self._binding = binding
        self._media_rate = media_rate
        self._tuned_rate = 0.0
        self._socket = tune_transport(transport) if transport is not None else None

    @property
    def heard_at(self) -> float | None:
        return None

    @property
    def binding(self) -> bytes | None:
        return self._binding

    @property
    def peer(self) -> str:
        return self._peer

    async def receive(self) -> bytes:
        """Raises LinkError when the carrier ended, and PeerError for a text message or one that is too large."""
        message = await self._websocket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.TEXT:
            raise PeerError(self._peer, "sent a text message on a binary carrier")
        if isinstance(message.data, aiohttp.WebSocketError):
            raise PeerError(self._peer, f"broke the rules of WebSocket: {message.data}")
        if isinstance(message.data, OSError):
            raise LinkError(self._peer, spoken_fault(message.data))
        raise LinkError(self._peer, "the other side closed the connection")

    async def send(self, message: bytes) -> None:
        rate = self._media_rate()
        if rate != self._tuned_rate and self._socket is not None:
            self._tuned_rate = rate
            set_send_buffer(self._socket, rate)
        try:
            await self._websocket.send_bytes(message)
        except (OSError, aiohttp.ClientError) as error:
            raise LinkError(self._peer, "the connection is broken") from error

    async def close(self) -> None:
        # What the kernel took still goes out. A closing frame would only repeat the protocol's own goodbye, and
        # waiting for its answer takes long on a link that is dark.
        if self._transport is not None:
            abort(self._transport)
        # On an aborted transport aiohttp waits for nothing; it only lets go of the connection.
        with contextlib.suppress(TimeoutError):
            async with time_limit(CLOSE_SECONDS):
                await self._websocket.close()


class _WaitingClientWebSocket(aiohttp.ClientWebSocketResponse):
    """aiohttp lets 256 kB pile up before a client's ``send`` waits, 16 s of audio; this one waits early."""

    def __init__(self, reader: Any, writer: WebSocketWriter, *args: Any, **options: Any) -> None:
        waiting = WebSocketWriter(writer.protocol, writer.transport, use_mask=True, limit=0)
        super().__init__(reader, waiting, *args, **options)
        self.transport = writer.transport


class WebSocketDialler:
    """Opens carriers to one server. An async context manager."""

    def __init__(
        self,
        url: str,
        trust: LinkTrust | None = None,
        *,
        media_rate: MediaRate = _nothing,
        proxy: HttpProxy | None = None,
        local_end: LocalEnd | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """``url`` is the server's http or https address, with or without a slash at its end; ``trust`` is for the
        latter. All goes through ``proxy``, if there is one, and leaves this machine by ``local_end``. ``resolver``
        belongs to the caller; without one it has its own."""
        self._proxy = proxy
        self._local_end = local_end
        self._resolver = resolver
        self._url = url.rstrip("/") + PATH
        self._trust = trust or LinkTrust()
        self._media_rate = media_rate
        self._connector: LinkConnector | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._connector = LinkConnector(
            self._trust,
            needs_tls=self._is_tls,
            proxy=self._proxy,
            local_end=self._local_end,
            resolver=self._resolver,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            ws_response_class=_WaitingClientWebSocket,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._connector is not None:
            await self._connector.end()
            self._connector = None

    async def dial(self, timeout_seconds: float) -> WebSocketMessages:
        """A new carrier. Raises LinkError when none can be had in time, OtherWireError when it is no DiStreamer 3."""
        assert self._session is not None, "enter the context first"
        assert self._connector is not None
        self._connector.patience_seconds = timeout_seconds
        # TLS and a proxy take round trips of their own; new packets must set out meanwhile as often as without.
        has_more_steps = self._is_tls or self._proxy is not None
        all_seconds = 2 * timeout_seconds if has_more_steps else timeout_seconds
        try:
            async with asyncio.timeout(all_seconds):
                websocket = await self._session.ws_connect(
                    self._url,
                    max_msg_size=MESSAGE_BYTES + 1,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
        except TimeoutError as error:
            raise LinkError(self.peer, f"no answer within {all_seconds:g} s") from error
        except aiohttp.WSServerHandshakeError as error:
            raise self._refusal(error) from error
        except (OSError, aiohttp.ClientError) as error:
            raise LinkError(self.peer, spoken_fault(error) if str(error) else "the connection broke at once") from error
        assert isinstance(websocket, _WaitingClientWebSocket)
        binding = self._trust.binding_of(websocket.transport)
        return WebSocketMessages(websocket, websocket.transport, self.peer, binding, self._media_rate)

    @property
    def _is_tls(self) -> bool:
        return self._url.startswith("https:")

    @property
    def peer(self) -> str:
        """The server's address as people write it."""
        return self._url.removesuffix(PATH).partition("://")[2].rpartition("@")[2]

    def _refusal(self, error: aiohttp.WSServerHandshakeError) -> LinkError | OtherWireError:
        # A proxy says 502 to 504 while the server behind it is away; 501 is what old servers say to new requests.
        if error.status >= 500 and error.status != http.HTTPStatus.NOT_IMPLEMENTED:
            return LinkError(self.peer, f"answered {error.status}: the server is away for now")
        path = urlsplit(self._url).path
        return OtherWireError(
            self.peer,
            f"answered {error.status} to {path}: it is no DiStreamer 3, or its SERVERURL has another path than "
            f"{path.removesuffix(PATH) or '/'}",
        )


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers a request that is not for the WebSocket."""


class WebSocketServer:
    """Accepts carriers on sockets that listen, with TLS and without. An async context manager; it owns the sockets.

    ``accept`` runs a conversation until it ends; ``pages`` maps other paths to texts for people.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        accept: Callable[[WebSocketMessages], Awaitable[None]],
        pages: Mapping[str, Callable[[], str]],
        other: Handler | None = None,
        largest_body: int = LARGEST_BODY_BYTES,
        media_rate: MediaRate = _nothing,
        certificate: LinkCertificate | None = None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """``pages`` are texts by their path. ``other`` answers every other request, whose body may have up to
        ``largest_body`` bytes; without it they get 404. Without ``certificate`` there is no TLS."""
        for one in sockets:
            prepare_socket(one)
        self._sockets = sockets
        self._media_rate = media_rate
        self._certificate = certificate
        self._log: FilteringBoundLogger = log or structlog.get_logger()
        self._group = asyncio.TaskGroup()
        self._listening: asyncio.Task[None] | None = None
        self._accept = accept
        self._uses = LinkUses()
        application = web.Application(client_max_size=largest_body, middlewares=[self._uses.note])
        application.router.add_get(PATH, self._upgrade)
        for path, text in pages.items():
            application.router.add_get(path, _page(text))
        if other is not None:
            application.router.add_route("*", "/{rest:.*}", other)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        tls = self._certificate.context if self._certificate else None
        listener = LinkListener(self._sockets, server, self._log, tls, self._uses.of)
        await self._group.__aenter__()
        self._listening = self._group.create_task(listener.run(), name="listen")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listening is not None:
            self._listening.cancel()
        try:
            # What ends the caller is not the group's: it would hide it in an exception group.
            await self._group.__aexit__(None, None, None)
        finally:
            await self._runner.cleanup()
            for one in self._sockets:
                one.close()

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse(
            compress=False, max_msg_size=MESSAGE_BYTES + 1, timeout=CLOSE_SECONDS, writer_limit=0
        )
        try:
            await websocket.prepare(request)
        except ConnectionError:
            # Whoever asked has given up: raced carriers arrive in heaps when a dark link comes back.
            return web.Response()
        address = request.transport.get_extra_info("peername") if request.transport else None
        peer = spoken_address(*address[:2]) if address else "a peer that is gone"
        carrier = WebSocketMessages(websocket, request.transport, peer, self._binding(request), self._media_rate)
        self._uses.converses(request.protocol)
        try:
            await self._accept(carrier)
        finally:
            await carrier.close()
        return websocket

    def _binding(self, request: web.Request) -> bytes | None:
        if self._certificate is None or request.transport is None:
            return None
        return self._certificate.binding_of(request.transport.get_extra_info("sslcontext"))


def _page(text: Callable[[], str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(request: web.Request) -> web.Response:
        del request
        return web.Response(text=text())

    return show
