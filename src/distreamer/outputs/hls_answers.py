"""What HLS players are answered: the playlist, its segments, and why there is none."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from distreamer.core.ports import Clock
from distreamer.outputs.hls_audience import HlsAudience
from distreamer.protocol.hls import PLAYLIST_TYPE, Segment
from distreamer.protocol.hls_window import SegmentWindow
from distreamer.protocol.server_view import SERVER

SEGMENT_CACHE = "public, max-age=3600, immutable"
"""A name is never used for other audio."""
PLAYLIST_CACHE = "max-age=1"
"""Caches may spare us a herd, but a player must not see an old list."""
LARGEST_BODY_BYTES = 1024
"""Of a request; none has any."""
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
        self, window: SegmentWindow, audience: HlsAudience, clock: Clock, why_nothing: Callable[[], str | None]
    ) -> None:
        """``why_nothing`` says why there is no playlist; None when there may be one."""
        self._window = window
        self._audience = audience
        self._clock = clock
        self._why_nothing = why_nothing

    def runner(self, shutdown_seconds: float) -> web.AppRunner:
        """Serves, once it is set up."""
        application = web.Application(client_max_size=LARGEST_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=shutdown_seconds)

    async def _answer(self, request: web.Request) -> web.Response:
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
            self._audience.came(request.remote or "", request.headers.get("User-Agent", ""), self._clock.now())
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
