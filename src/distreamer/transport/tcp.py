"""TCP and TLS connections as byte streams, and listening sockets; faults come in plain words."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from contextlib import suppress
from typing import cast

import aiohappyeyeballs

from distreamer.core.time_limit import time_limit
from distreamer.errors import BindError, LinkError

TYPE_OF_SERVICE = 0x40
"""The mark of every packet (precedence 2), as DiStreamer 2 set it: operators' routers prefer it."""
HAPPY_EYEBALLS_SECONDS = 0.25
"""Before the next address of a host is tried beside the first (RFC 8305, section 5)."""
CLOSE_SECONDS = 1.0
"""How long a TLS peer may take to agree that a connection ends."""
BACKLOG = 4096
"""Connections that may wait to be accepted: a herd of players comes at one moment."""
KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""Seconds of silence, seconds between probes, probes: dead peers of idle connections are found within 25 s."""


class TcpStream:
    """A ByteStream over TCP or TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        self._reader = reader
        self._writer = writer
        self._peer = peer
        # A write returns when the kernel has everything, so that a close behind it loses nothing. With TLS, asyncio
        # takes an empty buffer for a full one when the limit is 0, and waits until the peer says something.
        is_tls = writer.get_extra_info("ssl_object") is not None
        writer.transport.set_write_buffer_limits(high=1 if is_tls else 0)

    @property
    def peer(self) -> str:
        return self._peer

    @property
    def tls(self) -> ssl.SSLObject | None:
        """What was agreed on; None without TLS."""
        agreed: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return agreed

    async def read(self, limit: int = 65536) -> bytes:
        try:
            return await self._reader.read(limit)
        except OSError as error:
            raise LinkError(self._peer, spoken_fault(error)) from error

    async def rest(self, seconds: float) -> None:
        transport = cast(asyncio.Transport, self._writer.transport)
        transport.pause_reading()
        try:
            await asyncio.sleep(seconds)
        finally:
            transport.resume_reading()

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise LinkError(self._peer, spoken_fault(error)) from error

    async def close(self) -> None:
        transport = self._writer.transport
        try:
            if transport.get_write_buffer_size():
                abort(transport)
            else:
                self._writer.close()
            with suppress(OSError, TimeoutError):
                async with time_limit(CLOSE_SECONDS):
                    await self._writer.wait_closed()
        finally:
            abort(transport)


def abort(transport: asyncio.WriteTransport) -> None:
    """Ends it at once, whatever is unsent. In Python 3.11.2, which Debian 12 has, TLS that is closed already fails at
    that."""
    with suppress(AttributeError):
        transport.abort()


async def connect(
    host: str,
    port: int,
    *,
    timeout_seconds: float,
    tls: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
) -> TcpStream:
    """Connects to the first address of ``host`` that answers, IPv6 or IPv4, with TLS when ``tls`` is given.

    ``server_hostname`` is the name that the certificate must carry (``host`` by default). Raises LinkError when it
    does not work within ``timeout_seconds``.
    """
    peer = spoken_address(host, port)
    doing = "looking up its name"
    try:
        async with asyncio.timeout(timeout_seconds):
            loop = asyncio.get_running_loop()
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            doing = "connecting"
            connected = await aiohappyeyeballs.start_connection(
                addresses,
                happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS,
                interleave=1,
                socket_factory=_marked_socket,
            )
            doing = "agreeing on TLS"
            reader, writer = await _streams(connected, tls, server_hostname or host)
    except TimeoutError as error:
        raise LinkError(peer, f"no answer within {timeout_seconds:g} s while {doing}") from error
    except (OSError, UnicodeError) as error:
        raise LinkError(peer, spoken_fault(error)) from error
    return TcpStream(reader, writer, peer)


async def _streams(
    connected: socket.socket, tls: ssl.SSLContext | None, hostname: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        if tls is None:
            return await asyncio.open_connection(sock=connected)
        return await asyncio.open_connection(
            sock=connected, ssl=tls, server_hostname=hostname, ssl_shutdown_timeout=CLOSE_SECONDS
        )
    except BaseException:
        # Also when cancelled: until a transport owns the socket, nobody else closes it.
        connected.close()
        raise


def listening_sockets(host: str, port: int, backlog: int = BACKLOG, processes: int = 1) -> list[socket.socket]:
    """Sockets that listen on every address of ``host``, marked and non-blocking; with port 0 all get the same free
    port. For several ``processes`` there are as many on each address, one behind the other, and the system deals the
    connections out among them. The caller owns them. Raises BindError."""
    where = spoken_address(host, port)
    opened: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            if opened and port == 0:
                address = (address[0], opened[0].getsockname()[1], *address[2:])
            if processes > 1:
                # Shared ports can be shared with another program too, by mistake: it would get some of the players.
                with socket.socket(family, kind, protocol) as alone:
                    _prepare(alone)
                    alone.bind(address)
                    address = alone.getsockname()
            for _ in range(processes):
                listener = socket.socket(family, kind, protocol)
                opened.append(listener)
                _prepare(listener)
                if processes > 1:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                mark_socket(listener)
                listener.bind(address)
                listener.listen(backlog)
    except OSError as error:
        for listener in opened:
            listener.close()
        raise BindError(f"cannot listen on {where}: {spoken_fault(error)}") from error
    return opened


def _prepare(listener: socket.socket) -> None:
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def mark_socket(one: socket.socket) -> None:
    """Gives ``one`` the mark and the keepalive of every DiStreamer connection; accepted sockets inherit them from
    their listener. What the system does not know is left out."""
    settings: list[tuple[int, int, int]] = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    settings += [
        (socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in KEEPALIVE if hasattr(socket, name)
    ]
    settings += [(socket.IPPROTO_IP, socket.IP_TOS, TYPE_OF_SERVICE)]
    if one.family == socket.AF_INET6:
        settings += [(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, TYPE_OF_SERVICE)]
    for level, option, value in settings:
        with suppress(OSError):
            one.setsockopt(level, option, value)


def client_tls(*, verify: bool = True) -> ssl.SSLContext:
    """How we are a TLS client; without ``verify`` any certificate is taken."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def spoken_address(host: str, port: int) -> str:
    """``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"


def host_of(peer: str) -> str:
    """The host of what ``spoken_address`` gave."""
    return peer.rpartition(":")[0].strip("[]")


_SPOKEN = {
    errno.ECONNREFUSED: "refused the connection: nothing listens on that port",
    errno.ECONNRESET: "the other side broke the connection",
    errno.ECONNABORTED: "the connection was broken off",
    errno.EPIPE: "the other side closed the connection",
    errno.ETIMEDOUT: "no answer any more",
    errno.EHOSTUNREACH: "there is no way to that address",
    errno.ENETUNREACH: "there is no network that leads to that address",
    errno.EADDRINUSE: "another program listens there already",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "this user may not use that port (ports below 1024 are privileged)",
    errno.ENODEV: "this machine has no such network interface now",
    errno.EAFNOSUPPORT: "it has no address of the kind of BIND (IPv4 or IPv6)",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
}

_SUMMED_UP = re.compile(r"\[Errno (\d{1,4})\]")
"""Where several addresses failed in different ways, aiohappyeyeballs has the numbers only in its text."""


def spoken_fault(error: Exception) -> str:
    """What a network fault means, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS does not work with it ({(error.reason or str(error)).lower().replace('_', ' ')})"
    if isinstance(error, socket.gaierror):
        return "no such host, or no name server can be reached"
    if isinstance(error, UnicodeError):
        return "this is no host name"
    if isinstance(error, ConnectionResetError) and not error.args:
        return "the other side closed the connection"  # what asyncio raises where that happens amid TLS's handshake
    number = error.errno if isinstance(error, OSError) else None
    numbers = [number] if number is not None else [int(found) for found in _SUMMED_UP.findall(str(error))]
    said = dict.fromkeys(_SPOKEN.get(one) or os.strerror(one) for one in numbers)
    return "; ".join(said) or str(error) or type(error).__name__


def _marked_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    made = socket.socket(address[0], address[1], address[2])
    made.setblocking(False)
    mark_socket(made)
    return made
