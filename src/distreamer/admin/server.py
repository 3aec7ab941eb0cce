"""Serves one ADMIN."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from distreamer.admin import handlers
from distreamer.admin.answers import problem_response
from distreamer.admin.door import Door
from distreamer.admin.event_stream import EventStreams
from distreamer.admin.guard import Guard
from distreamer.admin.handlers import Api
from distreamer.admin.openapi import description_text
from distreamer.admin.page import PAGE
from distreamer.admin.problem import ProblemError
from distreamer.admin.routes import ROUTES, Route
from distreamer.admin.station import Station
from distreamer.admin.whereabouts import RENEW_SECONDS, LeftNote, noted
from distreamer.errors import DEFECT
from distreamer.transport.tcp import listening_sockets, spoken_address

LARGEST_BODY_BYTES = 16_384
SHUTDOWN_SECONDS = 1.0
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer that says nothing else: nothing here is for pages of others, or for keeping."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminServer:
    """Made in the event loop; ``run`` is supervised."""

    def __init__(
        self,
        address: tuple[str, int],
        password: str,
        station: Station,
        log: FilteringBoundLogger,
        folder: Path | None = None,
    ) -> None:
        """``address`` is host and port; an empty ``password`` is none; in ``folder`` it leaves a note of where it
        is."""
        self._address = address
        self._folder = folder
        self._station = station
        self._log = log
        host, port = address
        self._guard = Guard(host, password, lambda: secrets.token_urlsafe(32), self._note_refused, port)
        self.streams = EventStreams(station)
        self._door: Door | None = None
        self._routes: dict[object, Route] = {}
        self.bound: tuple[str, int] | None = None
        """Where it listens; None while it does not."""

    async def run(self) -> None:
        """Until it is cancelled; raises BindError when it cannot listen."""
        self.streams = streams = EventStreams(self._station)
        runner = web.AppRunner(self._application(streams), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        sockets = listening_sockets(*self._address)
        servers: list[asyncio.Server] = []
        try:
            await runner.setup()
            assert runner.server is not None, "it was set up"
            self._door = door = Door(runner.server, self._station.clock)
            loop = asyncio.get_running_loop()
            servers += [await loop.create_server(door, sock=one) for one in sockets]
            host, port = sockets[0].getsockname()[:2]
            self.bound = host, port
            self._log.info("listening for the operator", url=f"http://{spoken_address(host, port)}/")
            with ExitStack() as stack:
                note = self._leave_note(stack, self.bound)
                async with asyncio.TaskGroup() as group:
                    group.create_task(door.sweep(), name="idle connections")
                    if note is not None:
                        group.create_task(self._renew(note), name="note")
        finally:
            self.bound = None
            streams.close()
            for server in servers:
                server.close()
            await runner.cleanup()
            for one in sockets:
                one.close()

    # -- inside

    def _leave_note(self, stack: ExitStack, bound: tuple[str, int]) -> LeftNote | None:
        if self._folder is None:
            return None
        try:
            return stack.enter_context(noted(self._folder, bound, self._station.names))
        except OSError as error:
            self._log.warning("distreamer status and top cannot find this by themselves", reason=str(error))
            return None

    async def _renew(self, note: LeftNote) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                note.write(self._station.names)
                await asyncio.to_thread(note.renew)
            except OSError as error:
                self._log.debug("the note for distreamer status cannot be written", reason=str(error))

    def _note_refused(self, address: str) -> None:
        self._log.warning("a wrong password was given", peer=address)
        for instance in self._station.instances:
            instance.refused_admin_passwords += 1

    def _application(self, streams: EventStreams) -> web.Application:
        app = web.Application(middlewares=[self._answer], client_max_size=LARGEST_BODY_BYTES)
        app.on_response_prepare.append(_add_headers)
        api = Api(self._station, self._guard, streams, description_text().encode())
        self._routes = {}
        for route in (*ROUTES, *PAGE):
            handler = _bound(route, api)
            self._routes[handler] = route
            app.router.add_route(route.method, route.path, handler)
            if route.method == "GET" and route.handle is not handlers.event_stream:
                app.router.add_route("HEAD", route.path, handler)
        return app

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Checks who asks, and tells what goes wrong."""
        assert self._door is not None, "a request has come in through it"
        ended, log = self._door.begins(request), self._log
        try:
            route = self._routes.get(request.match_info.handler)
            self._guard.check(
                # What is not for this address is told as that.
                request.method if route is not None else "GET",
                request.headers,
                request.cookies.get(self._guard.cookie, ""),
                request.remote or "",
                self._station.clock.now(),
                is_open=route is not None and route.is_open,
            )
            return await handler(request)
        except ProblemError as problem:
            return problem_response(problem.answer, problem.headers)
        except web.HTTPException as error:
            return _of_library(error, request)
        except Exception as defect:  # One question must not end the answers to all others.
            log.error(DEFECT, path=request.path, exc_info=defect)
            return problem_response(ProblemError(500, "A defect in DiStreamer; its log says more.").answer, {})
        finally:
            ended()


def _bound(route: Route, api: Api) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await route.handle(api, request)

    return handle


def _of_library(error: web.HTTPException, request: web.Request) -> web.Response:
    """What aiohttp finds wrong, in our words."""
    headers: dict[str, str] = {}
    match error:
        case web.HTTPMethodNotAllowed():
            headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            detail = f"{request.method} is not for this address; {headers['Allow']} may be."
        case web.HTTPNotFound():
            detail = "There is nothing at this address; /api/v1/openapi.json says what there is."
        case web.HTTPRequestEntityTooLarge():
            detail = f"The body is larger than {LARGEST_BODY_BYTES} bytes."
        case _:
            detail = f"{error.reason}."
    return problem_response(ProblemError(error.status, detail).answer, headers)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "DiStreamer"
