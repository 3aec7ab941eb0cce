"""Opens a radio stream over HTTP: request, redirects, playlists, and refusals in plain words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from distreamer import AGENT
from distreamer.core.ports import ByteStream
from distreamer.errors import AuthenticationError, LinkError, PeerError, ProtocolError
from distreamer.protocol.charset import one_line
from distreamer.protocol.http1 import ResponseHead, request_bytes
from distreamer.protocol.playlist import (
    MAXIMUM_PLAYLIST_BYTES,
    SNIFFED_BYTES,
    PlaylistFormat,
    parse_playlist,
    recognised,
    says_little,
)
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.http_source import HttpSource
from distreamer.transport.tcp import client_tls, connect

MAXIMUM_REDIRECTS = 10
"""In a row."""
MAXIMUM_PLAYLIST_DEPTH = 3
"""Playlists that name playlists."""
MAXIMUM_REQUESTS = 40
"""In all, while one stream is being opened: playlists and redirects multiply."""
PLAYLIST_SECONDS = 15.0
"""A playlist that has not come by then is none."""

_REDIRECTS = {301, 302, 303, 307, 308}
_PRINTABLE = frozenset(b"\t\n\r" + bytes(range(0x20, 0x7F)))


class Connect(Protocol):
    """Makes connections; ``transport.tcp.connect``, or a test's own."""

    async def __call__(
        self, host: str, port: int, *, timeout_seconds: float, tls: ssl.SSLContext | None = None
    ) -> ByteStream:
        """Raises LinkError."""
        ...


@dataclass(frozen=True, slots=True)
class HttpSourceOptions:
    """How streams are opened."""

    timeout_seconds: float = 5.0
    """For a connection; for the head of an answer; for each further byte."""
    icy_metadata: bool = True
    """Ask for titles."""
    charset: str = "cp1252"
    """Of playlists that are not UTF-8."""
    verify_tls: bool = True


class HttpSourceOpener:
    """Finds the way from a configured address to audio."""

    def __init__(
        self,
        options: HttpSourceOptions,
        connector: Connect = connect,
        asks: Callable[[StreamUrl], None] = lambda url: None,
    ) -> None:
        """``asks`` is told each address that is asked, redirects and entries of playlists included."""
        self._options = options
        self._connect = connector
        self._asks = asks
        self._tls: ssl.SSLContext | None = None
        self._requests_left = 0

    async def open(self, url: StreamUrl) -> HttpSource:
        """The stream at ``url``, or at the first entry that works of the playlist there; what stands at its head is
        audio as far as one can see. Raises LinkError, PeerError or AuthenticationError; nothing stays open then."""
        self._requests_left = MAXIMUM_REQUESTS
        return await self._open(url, MAXIMUM_PLAYLIST_DEPTH)

    async def _open(self, url: StreamUrl, playlists_left: int) -> HttpSource:
        source = await self._follow_redirects(url)
        try:
            form = await self._playlist_format(source)
            if form is None:
                return source
            entries = await self._entries(source, form)
        except BaseException:
            await source.close()
            raise
        await source.close()
        if not playlists_left:
            raise PeerError(str(url), f"playlists that name playlists, more than {MAXIMUM_PLAYLIST_DEPTH} deep")
        return await self._first_that_works(entries, playlists_left - 1)

    async def _first_that_works(self, entries: list[StreamUrl], playlists_left: int) -> HttpSource:
        for entry in entries[:-1]:
            try:
                return await self._open(entry, playlists_left)
            except (LinkError, PeerError):
                # The next entry is there for this very case; what the last one says is reported.
                continue
        return await self._open(entries[-1], playlists_left)

    async def _follow_redirects(self, url: StreamUrl) -> HttpSource:
        start = url
        for _ in range(MAXIMUM_REDIRECTS + 1):
            source = await self._request(url)
            if source.head.status not in _REDIRECTS:
                break
            await source.close()
            url = _redirected(url, source.head)
        else:
            raise PeerError(str(start), f"redirects more than {MAXIMUM_REDIRECTS} times")
        if not 200 <= source.head.status < 300:
            await source.close()
            raise _refusal(source.url, source.head, withheld=bool(start.credentials and not url.credentials))
        return source

    async def _request(self, url: StreamUrl) -> HttpSource:
        if not self._requests_left:
            raise PeerError(str(url), f"no audio found with {MAXIMUM_REQUESTS} requests; redirects or playlists loop")
        self._requests_left -= 1
        self._asks(url)
        if url.is_tls and self._tls is None:
            self._tls = client_tls(verify=self._options.verify_tls)
        seconds = self._options.timeout_seconds
        stream = await self._connect(url.host, url.port, timeout_seconds=seconds, tls=self._tls if url.is_tls else None)
        source = HttpSource(url, stream, seconds)
        try:
            await source.request(self._request_head(url))
        except BaseException:
            await source.close()
            raise
        return source

    def _request_head(self, url: StreamUrl) -> bytes:
        fields = [("Host", url.host_field), ("User-Agent", AGENT), ("Accept", "*/*")]
        if self._options.icy_metadata:
            fields.append(("Icy-MetaData", "1"))
        if url.authorization:
            fields.append(("Authorization", url.authorization))
        fields.append(("Connection", "close"))
        return request_bytes("GET", url.target, fields)

    async def _playlist_format(self, source: HttpSource) -> PlaylistFormat | None:
        content_type = source.head.headers.get("content-type")
        if not says_little(content_type):
            return recognised(content_type, source.url.target)
        beginning = await source.beginning(SNIFFED_BYTES)
        form = recognised(content_type, source.url.target, beginning)
        if form is None and beginning and _PRINTABLE.issuperset(beginning):
            kind = one_line(content_type)[:60] or "text"
            raise PeerError(
                str(source.url),
                f"sends a page ({kind}) instead of audio; the address of a SHOUTcast stream mostly ends in /;"
                " or in the stream's own path",
            )
        return form

    async def _entries(self, source: HttpSource, form: PlaylistFormat) -> list[StreamUrl]:
        try:
            async with asyncio.timeout(PLAYLIST_SECONDS):
                # One byte above the limit is enough for the parser to refuse it.
                body = await source.beginning(MAXIMUM_PLAYLIST_BYTES + 1)
            return parse_playlist(form, body, source.url, self._options.charset)
        except TimeoutError as error:
            raise LinkError(
                str(source.url), f"its {form} playlist did not come within {PLAYLIST_SECONDS:g} s"
            ) from error
        except ProtocolError as error:
            raise PeerError(str(source.url), str(error)) from error


def _redirected(url: StreamUrl, head: ResponseHead) -> StreamUrl:
    location = head.headers.get("location")
    if not location:
        raise PeerError(str(url), f"redirects ({head.status}) without saying where to")
    try:
        return url.follow(location)
    except ProtocolError as error:
        raise PeerError(str(url), f"redirects to what cannot be fetched: {error}") from error


def _refusal(url: StreamUrl, head: ResponseHead, *, withheld: bool) -> PeerError:
    """``withheld``: a password is configured, but for another server than the one that answered."""
    answer = f"{head.status} {one_line(head.reason)[:60]}".strip()
    match head.status:
        case 401 if url.credentials:
            return AuthenticationError(str(url), f"refuses the user or the password in the address ({answer})")
        case 401 if withheld:
            return AuthenticationError(
                str(url),
                f"wants a user and a password ({answer}); those of the first address are not given to another server,"
                " so give this address instead, with its own",
            )
        case 401:
            return AuthenticationError(
                str(url), f"wants a user and a password ({answer}): give it as http://user:password@…"
            )
        case 403:
            words = "does not let us in: it may be full, or closed to this address"
        case 404:
            words = "has no such stream: the source may be off, or the path in the address is wrong"
        case 400:
            words = "does not understand the request; the path in the address may be wrong"
        case 503:
            words = "is full or not ready"
        case status if status >= 500:
            words = "is in trouble itself"
        case _:
            words = "gives no audio"
    return PeerError(str(url), f"{words} ({answer})")
