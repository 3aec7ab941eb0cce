"""Through an HTTP proxy to any address (CONNECT; RFC 9110, section 9.3.6), where a network lets nothing else out."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from distreamer.errors import LinkError
from distreamer.transport.tcp import spoken_address

DEFAULT_PORT = 3128
"""Squid's, where none is named."""
HEAD_BYTES = 8_192
"""Of the proxy's answer."""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """The setting PROXY."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)
    """Of the request; empty when the proxy asks for no user."""

    @classmethod
    def of(cls, url: str) -> HttpProxy | None:
        """``http://[user:password@]host[:port]``; None of nothing."""
        if not url:
            return None
        parts = urlsplit(url)
        authorization = ""
        if parts.username is not None:
            words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(words.encode()).decode()
        return cls(parts.hostname or "", parts.port or DEFAULT_PORT, authorization)

    async def open(self, connected: socket.socket, host: str, port: int) -> None:
        """Asks for a way to ``host`` on a connection to the proxy. Raises LinkError when it does not give one, and
        OSError when the connection breaks."""
        loop = asyncio.get_running_loop()
        target = spoken_address(host, port)
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        await loop.sock_sendall(connected, "\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = await loop.sock_recv(connected, HEAD_BYTES)
            head += piece
            if not piece or len(head) > HEAD_BYTES:
                raise LinkError(self.peer, "PROXY: it did not answer as an HTTP proxy does")
        status = _STATUS.match(head)
        if status is None:
            raise LinkError(self.peer, "PROXY: it did not answer as an HTTP proxy does")
        if not status[1].startswith(b"2"):
            raise LinkError(self.peer, f"PROXY: {_refusal(status[1], status[2])}, asked for {target}")

    @property
    def peer(self) -> str:
        """Its address, for messages."""
        return spoken_address(self.host, self.port)


def _refusal(status: bytes, reason: bytes) -> str:
    if status == b"407":
        return "it wants a user and a password (http://user:password@proxy:port), or others than these"
    words = reason.decode("ascii", "replace").strip()
    return f"it answered {status.decode()}{f' ({words})' if words else ''}"
