"""How aiohttp reaches the server of a link: with sockets that are set up before they connect."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from functools import partial
from typing import Any

import aiohappyeyeballs
import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler

from distreamer.errors import LinkError
from distreamer.transport.http_proxy import HttpProxy
from distreamer.transport.link_sockets import prepare_socket, tune_socket
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.local_end import LocalEnd
from distreamer.transport.remembering_resolver import RememberingResolver
from distreamer.transport.tcp import CLOSE_SECONDS, HAPPY_EYEBALLS_SECONDS, abort, spoken_address, spoken_fault

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class LinkConnector(aiohttp.BaseConnector):
    """Opens a new connection for each request. To be made inside a running event loop."""

    def __init__(
        self,
        trust: LinkTrust,
        *,
        needs_tls: bool,
        proxy: HttpProxy | None = None,
        local_end: LocalEnd | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """All goes through ``proxy``, if there is one, and leaves this machine by ``local_end``. With ``needs_tls`` no
        connection is made without TLS, also where the server sends us elsewhere. ``resolver`` belongs to the caller;
        without one it has its own."""
        super().__init__(limit=0, force_close=True)
        self.patience_seconds = 3.0
        """For a TCP connection to come up."""
        self._trust = trust
        self._tls = trust.context()
        self._needs_tls = needs_tls
        self._proxy = proxy
        self._local_end = local_end
        self._owns_resolver = resolver is None
        self._resolver = resolver or RememberingResolver()

    async def end(self) -> None:
        """Ends all connections and questions."""
        await self.close()
        if self._owns_resolver:
            await self._resolver.close()

    async def _create_connection(self, req: aiohttp.ClientRequest, traces: Any, timeout: Any) -> ResponseHandler:
        host, port = req.url.host or "", req.url.port or 0
        peer = spoken_address(host, port)
        first = self._proxy or HttpProxy(host, port)
        is_tls = req.is_ssl()
        if self._needs_tls and not is_tls:
            raise LinkError(peer, "sends us on to an address without TLS")
        try:
            async with asyncio.timeout(self.patience_seconds):
                connected = await self._connected(first.host, first.port)
        except TimeoutError as error:
            raise LinkError(first.peer, f"no answer within {self.patience_seconds:g} s") from error
        except (OSError, UnicodeError) as error:
            raise LinkError(first.peer, spoken_fault(error)) from error
        try:
            if self._proxy is not None:
                await self._proxy.open(connected, host, port)
            return await self._spoken_to(connected, host if is_tls else None, peer)
        except BaseException as error:
            # Also when cancelled: until a transport owns the socket, nobody else closes it.
            connected.close()
            if isinstance(error, OSError):
                raise LinkError(peer, spoken_fault(error)) from error
            raise

    async def _connected(self, host: str, port: int) -> socket.socket:
        return await aiohappyeyeballs.start_connection(
            await self._addresses(host, port),
            happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS,
            interleave=1,
            socket_factory=partial(_prepared, self._local_end),
        )

    async def _addresses(self, host: str, port: int) -> list[AddressInfo]:
        try:
            version = ipaddress.ip_address(host).version
        except ValueError:
            found = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
            return [_address_info(one["family"], one["host"], one["port"]) for one in found]
        return [_address_info(socket.AF_INET if version == 4 else socket.AF_INET6, host, port)]

    async def _spoken_to(self, connected: socket.socket, tls_host: str | None, peer: str) -> ResponseHandler:
        protocol: ResponseHandler = self._factory()
        tls: dict[str, Any] = {}
        if tls_host is not None:
            tls = {"ssl": self._tls, "server_hostname": tls_host, "ssl_shutdown_timeout": CLOSE_SECONDS}
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, sock=connected, **tls)
        if tls_host is not None:
            try:
                self._trust.check(transport, peer)
            except LinkError:
                abort(transport)
                raise
        return protocol


def _address_info(family: int, host: str, port: int) -> AddressInfo:
    address = (host, port, 0, 0) if family == socket.AF_INET6 else (host, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)


def _prepared(local_end: LocalEnd | None, address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    made = socket.socket(address[0], address[1], address[2])
    try:
        made.setblocking(False)
        prepare_socket(made)
        tune_socket(made)
        if local_end is not None:
            local_end.bind(made)
    except BaseException:
        made.close()
        raise
    return made
