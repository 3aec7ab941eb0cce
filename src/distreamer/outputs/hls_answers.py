"""What HLS players are answered: the playlist, its segments, and why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from distreamer.core.ports import Clock
from distreamer.outputs.hls_audience import HlsAudience
from distreamer.protocol.forwarded import TrustedProxies, visitor_of
from distreamer.protocol.hls import PLAYLIST_TYPE, Segment
from distreamer.protocol.hls_window import SegmentWindow
from distreamer.protocol.http1 import Headers
from distreamer.protocol.server_view import SERVER

SEGMENT_CACHE = "public, max-age=3600, immutable"
"""A name is never used for other audio."""
PLAYLIST_CACHE = "max-age=1"
"""Caches may spare us a herd, but a player must not see an old list."""
LARGEST_BODY_BYTES = 1024
"""Of a request; none has any."""
IDLE_SECONDS = 90.0
"""A connection on which nothing was asked for so long is closed, even while it still takes a segment: who needs so long
for one cannot play it."""
MOST_CONNECTIONS = 10_000
"""Players that may be connected at once, beside as many as a herd brings before the first of it is heard."""
_COMMON = {
    "Server": SERVER,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, Date",
}
_OPTIONS = {
    "Allow": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*, Range",
    "Access-Control-Max-Age": "86400",
}


class HlsAnswers:
    """The requests of players, whatever directory stands before the names."""

    def __init__(
        self,
        window: SegmentWindow,
        audience: HlsAudience,
        clock: Clock,
        why_nothing: Callable[[], str | None],
        trusted_proxies: TrustedProxies,
    ) -> None:
        """``why_nothing`` says why there is no playlist; None when there may be one. ``trusted_proxies`` are believed
        when they say who asks."""
        self.closed = 0
        """Connections that were only held open."""
        self.most_connections = MOST_CONNECTIONS
        """Of more than these, those that have not asked for the longest time are closed."""
        self._window = window
        self._audience = audience
        self._clock = clock
        self._why_nothing = why_nothing
        self._trusted_proxies = trusted_proxies
        self._runner: web.AppRunner | None = None
        self._asked_at: dict[web.RequestHandler, float] = {}

    def runner(self, shutdown_seconds: float) -> web.AppRunner:
        """Serves, once it is set up."""
        application = web.Application(client_max_size=LARGEST_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=shutdown_seconds
        )
        return self._runner

    def tidy(self, now: float) -> None:
        """Closes connections that are only held open. To be called every few seconds."""
        server = self._runner.server if self._runner else None
        connections = server.connections if server else []
        self._asked_at = {one: self._asked_at.get(one, now) for one in connections}
        by_age = sorted(self._asked_at, key=lambda one: self._asked_at[one])
        too_many = max(len(by_age) - self.most_connections, 0)
        for place, one in enumerate(by_age):
            if place >= too_many and self._asked_at[one] > now - IDLE_SECONDS:
                break
            if isinstance(one.transport, asyncio.Transport):
                one.transport.abort()
                self.closed += 1

    async def _answer(self, request: web.Request) -> web.Response:
        self._asked_at[request.protocol] = self._clock.now()
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_COMMON | _OPTIONS)
        if request.method not in {"GET", "HEAD"}:
            return _refusal(405, "Only GET, HEAD and OPTIONS are known here", {"Allow": _OPTIONS["Allow"]})
        name = request.path.rpartition("/")[2]
        if name.endswith(".m3u8"):
            return self._playlist(request)
        segment = self._window.segment(name, self._clock.now())
        if segment is not None:
            return _audio(request, segment)
        return _refusal(404, "There is nothing here, or not any more; the playlist is /live.m3u8")

    def _playlist(self, request: web.Request) -> web.Response:
        text = self._window.playlist()
        why = self._why_nothing() or (None if text else "No stream yet")
        if why is not None or text is None:
            return _refusal(404, why or "")
        if request.method == "GET":
            visitor = visitor_of(Headers(request.headers.items()), request.remote or "", self._trusted_proxies)
            self._audience.came(visitor.address, request.headers.get("User-Agent", ""), self._clock.now())
        headers = _COMMON | {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PLAYLIST_CACHE}
        return web.Response(body=text.encode(), headers=headers)


def _audio(request: web.Request, segment: Segment) -> web.Response:
    body = segment.body
    headers = _COMMON | {
        "Content-Type": segment.content_type,
        "Cache-Control": SEGMENT_CACHE,
        "Accept-Ranges": "bytes",
    }
    wanted = _range(request, len(body))
    if wanted is None:
        return web.Response(body=body, headers=headers)
    if not wanted:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(body)}"
    return web.Response(status=206, body=body[wanted.start : wanted.stop], headers=headers)


def _range(request: web.Request, size: int) -> range | None:
    """The bytes that are asked for; None for all, as for what is no single range (RFC 9110, section 14.2)."""
    # There is no validator that If-Range could have.
    if request.method != "GET" or "Range" not in request.headers or "If-Range" in request.headers:
        return None
    try:
        wanted = request.http_range
    except ValueError:
        return None
    return range(size)[wanted]


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """A sentence that says why not."""
    return web.Response(
        status=status, text=f"{text}\n", headers=_COMMON | {"Cache-Control": "no-store"} | (headers or {})
    )
