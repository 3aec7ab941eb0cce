"""SERVERURL of the modules that dial a DiStreamer 2."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from distreamer.transport.tcp import TcpStream, client_tls, connect, spoken_address


@dataclass(frozen=True, slots=True)
class LegacyAddress:
    """Where it is, and under which path."""

    host: str
    port: int
    path: str
    """Without a slash at its end."""
    tls: ssl.SSLContext | None

    @classmethod
    def parse(cls, url: str, *, verify_tls: bool = True) -> LegacyAddress:
        """``url`` was checked when the configuration was read."""
        parts = urlsplit(url)
        is_https = parts.scheme == "https"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (443 if is_https else 80),
            path=parts.path.rstrip("/"),
            tls=client_tls(verify=verify_tls) if is_https else None,
        )

    @property
    def peer(self) -> str:
        """``host:port``, for messages."""
        return spoken_address(self.host, self.port)

    async def dial(self, timeout_seconds: float) -> TcpStream:
        """Raises LinkError."""
        return await connect(self.host, self.port, timeout_seconds=timeout_seconds, tls=self.tls)
