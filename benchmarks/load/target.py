"""What listeners ask for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Target:
    """A stream, and how it is asked for."""

    host: str
    port: int
    path: str
    tls: bool
    """The certificate is not looked at."""
    titles: bool
    """Whether ICY metadata is asked for."""
    bytes_per_second: float
    """The stream's rate."""

    @property
    def request(self) -> bytes:
        """As players send it."""
        wish = "Icy-MetaData: 1\r\n" if self.titles else ""
        return (
            f"GET {self.path} HTTP/1.0\r\nHost: {self.host}:{self.port}\r\n"
            f"User-Agent: DiStreamer-load\r\nAccept: */*\r\n{wish}\r\n"
        ).encode()


def target_of(url: str, *, titles: bool, kbits: float) -> Target:
    """Raises ValueError for what is no URL of a stream."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url} does not begin with http:// or https:// and a host")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.hostname, parts.port or (443 if tls else 80), path, tls, titles, kbits * 125)
