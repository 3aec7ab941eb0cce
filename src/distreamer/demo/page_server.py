"""Serves the demo's page, its live state, and the buttons that cut the link."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from importlib import resources
from types import TracebackType
from typing import Self

from aiohttp import web

from distreamer.demo.cutter import LinkCutter
from distreamer.demo.state import DemoState
from distreamer.demo.story import Event, Story
from distreamer.errors import BindError
from distreamer.transport.tcp import listening_sockets

PUSH_SECONDS = 0.5
LONGEST_CUT_SECONDS = 600
PORTS_TRIED = 20
MAXIMUM_PAGES = 32
"""Pages that may be open at once."""
HOSTS = frozenset({"localhost", "127.0.0.1"})
"""The names by which this page may be asked for. Under any other a foreign site has had its own name lead here
(DNS rebinding)."""
FILES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/chart.js": ("chart.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

CONTENT_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """The page on ``port`` of the loopback address, or on the next free port."""

    def __init__(
        self, port: int, stream_url: str, state: Callable[[], DemoState], story: Story, cutter: LinkCutter
    ) -> None:
        self.refused = 0
        """Requests that did not come from the page."""
        self._port = port
        self._stream_url = stream_url
        self._state = state
        self._story = story
        self._cutter = cutter
        self._pages = 0
        self._closing = asyncio.Event()
        app = web.Application(middlewares=[self._guard], client_max_size=1024)
        app.add_routes([web.get(path, self._file) for path in FILES])
        app.add_routes(
            [web.get("/events", self._events), web.post("/cut", self._cut), web.post("/restore", self._restore)]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    @property
    def url(self) -> str:
        """Where the page is, once the server runs."""
        return f"http://127.0.0.1:{self._port}/"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        (listener,) = _first_free(self._port)
        self._port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._runner.cleanup()

    # -- answers

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        own_name = request.url.host in HOSTS
        own_page = request.method != "POST" or request.headers.get("Origin") == f"http://{request.host}"
        if not (own_name and own_page):
            self.refused += 1
            raise web.HTTPForbidden(text="Only the demo's own page, opened on this machine, may ask that.\n")
        return await handler(request)

    async def _file(self, request: web.Request) -> web.Response:
        name, content_type = FILES[request.path]
        data = (resources.files("distreamer.demo") / "static" / name).read_bytes()
        policy = f"{CONTENT_POLICY}; media-src {self._stream_url.rstrip('/')}"
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=data, content_type=content_type, charset="utf-8", headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events (WHATWG HTML, section 9.2): the state twice a second, and what happened."""
        if self._pages >= MAXIMUM_PAGES:
            raise web.HTTPServiceUnavailable(text="Too many pages of the demo are open.\n")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        self._pages += 1
        try:
            await response.prepare(request)
            told = 0
            while not self._closing.is_set():
                news = [event for event in self._story.events if event.number > told]
                told = news[-1].number if news else told
                await response.write(self._message(news))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PUSH_SECONDS):
                        await self._closing.wait()
        except ConnectionError:
            pass  # The page was closed.
        finally:
            self._pages -= 1
        return response

    def _message(self, news: list[Event]) -> bytes:
        events = [{"number": event.number, "at": event.at, "text": event.text} for event in news]
        data = {**self._state().as_json(), "stream_url": self._stream_url, "events": events}
        return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

    async def _cut(self, request: web.Request) -> web.Response:
        asked = request.query.get("seconds", "")
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:6]) <= LONGEST_CUT_SECONDS:
            raise web.HTTPBadRequest(text=f"seconds must be a whole number from 1 to {LONGEST_CUT_SECONDS}.\n")
        self._cutter.cut(int(asked))
        return web.Response(status=204)

    async def _restore(self, request: web.Request) -> web.Response:
        self._cutter.restore()
        return web.Response(status=204)


def _first_free(port: int) -> list[socket.socket]:
    """A socket that listens on ``port``, or on one of the next PORTS_TRIED; raises BindError."""
    last = min(port + PORTS_TRIED, 65535)
    for candidate in range(port, last):
        try:
            return listening_sockets("127.0.0.1", candidate)
        except BindError:
            continue
    return listening_sockets("127.0.0.1", last)
