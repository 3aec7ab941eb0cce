"""Opens a stream as a player does, and notes on the way what the server and its connection are."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from distreamer.core.ingest import SourceDescription
from distreamer.core.ports import ByteStream
from distreamer.protocol.charset import one_line
from distreamer.protocol.http1 import Headers
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.http_source import HttpSource
from distreamer.sessions.source_description import describe_source
from distreamer.sessions.source_opener import Connect, HttpSourceOpener, HttpSourceOptions
from distreamer.transport.tcp import TcpStream, connect

OPTIONS = HttpSourceOptions(timeout_seconds=10.0)
SERVER_CHARACTERS = 80


class OpenedStream:
    """A stream that answered."""

    def __init__(self, source: HttpSource, visited: tuple[str, ...], tls: str, options: HttpSourceOptions) -> None:
        self.source = source
        self.visited = visited
        """All addresses that were asked, in order."""
        self.tls = tls
        """Version and cipher; empty without TLS."""
        self.description: SourceDescription = describe_source(source.head.headers, options.charset)
        self.metaint = _metaint(source.head.headers)

    @property
    def server(self) -> str:
        """As it says."""
        headers = self.source.head.headers
        # SHOUTcast 1 says it in a notice only: <BR>SHOUTcast Distributed Network Audio Server/Linux v1.9.8<BR>
        said = headers.get("server") or headers.get("icy-notice2").replace("<BR>", " ")
        return one_line(said).strip()[:SERVER_CHARACTERS]


class StreamOpener:
    """Opens the stream at an address, again and again if need be."""

    def __init__(self, url: StreamUrl, options: HttpSourceOptions = OPTIONS, connector: Connect = connect) -> None:
        self._url = url
        self._options = options
        self._connector = connector
        self._visited: list[str] = []
        self._tls = ""

    async def open(self) -> OpenedStream:
        """As ``HttpSourceOpener.open``."""
        self._visited.clear()
        opener = HttpSourceOpener(self._options, self._connect, self._asks)
        source = await opener.open(self._url)
        return OpenedStream(source, tuple(self._visited), self._tls, self._options)

    def _asks(self, url: StreamUrl) -> None:
        self._visited.append(str(url))

    async def _connect(
        self, host: str, port: int, *, timeout_seconds: float, tls: ssl.SSLContext | None = None
    ) -> ByteStream:
        stream = await self._connector(host, port, timeout_seconds=timeout_seconds, tls=tls)
        self._tls = " ".join(_tls_words(stream))
        return stream


def _tls_words(stream: ByteStream) -> Iterator[str]:
    session = stream.tls if isinstance(stream, TcpStream) else None
    if session is not None:
        yield session.version() or "TLS"
        cipher = session.cipher()
        if cipher is not None:
            yield cipher[0]


def _metaint(headers: Headers) -> int:
    """As ``ShoutcastClient`` reads it: who says nonsense sends no titles."""
    value = headers.get("icy-metaint")
    return int(value) if value.isdecimal() and len(value) < 20 else 0
