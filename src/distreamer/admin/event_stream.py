"""Server-sent events (WHATWG HTML, section 9.2): the status each second, and each event as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import asdict

from aiohttp import web

from distreamer.admin.problem import ProblemError
from distreamer.admin.station import Station
from distreamer.model.event import Event

MOST_STREAMS = 32
PUSH_SECONDS = 1.0
SLOW_SECONDS = 10.0
"""A client that takes nothing for so long is cut off. Until then it costs a message or two; nothing waits for it."""
NOT_SENT_BYTES = 16_384
"""What waits in the kernel behind what is under way: little, so that a thin line brings how it is, not how it was."""
MOST_AT_ONCE = 500
"""Events in one message: no instance keeps more."""
RETRY_MILLISECONDS = 2000


class EventStreams:
    """All streams of one ADMIN. A client is a number: that of the last event it was told."""

    def __init__(self, station: Station) -> None:
        self.open = 0
        """Streams now."""
        self.cut_off = 0
        """Clients that were too slow."""
        self.left_out = 0
        """Statuses that were not made, because the one before had yet to go."""
        self._station = station
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Ends all."""
        self._closing.set()

    async def serve(self, request: web.Request, after: int | None) -> web.StreamResponse:
        """One, until the client goes; with the events after that number first, or only new ones when it is None."""
        if self.open >= MOST_STREAMS:
            raise ProblemError(503, f"There are {MOST_STREAMS} streams of events already.", {"Retry-After": "5"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        self.open += 1
        try:
            await response.prepare(request)
            _let_little_wait(request)
            await self._write(response, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            told = self._newest() if after is None else after
            taken_at = self._station.clock.now()
            while not self._closing.is_set():
                now = self._station.clock.now()
                if _is_taken(request):
                    taken_at = now
                    news = self._station.events(told, MOST_AT_ONCE)
                    told = news[-1].number if news else told
                    await self._write(response, b"".join(map(_message, news)) + self._status())
                elif now - taken_at >= SLOW_SECONDS:
                    raise TimeoutError
                else:
                    self.left_out += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PUSH_SECONDS):
                        await self._closing.wait()
        except ConnectionError:
            pass  # The client has gone.
        except TimeoutError:
            self.cut_off += 1
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.open -= 1
        return response

    def _newest(self) -> int:
        newest = self._station.events(0, 1)
        return newest[-1].number if newest else 0

    def _status(self) -> bytes:
        return b"event: status\ndata: " + self._station.status() + b"\n\n"

    @staticmethod
    async def _write(response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(SLOW_SECONDS):
            await response.write(data)


def _let_little_wait(request: web.Request) -> None:
    one: socket.socket | None = request.transport.get_extra_info("socket") if request.transport else None
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if one is not None and option is not None:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, option, NOT_SENT_BYTES)


def _is_taken(request: web.Request) -> bool:
    """Whether nothing waits in this process; of one that is gone, whoever writes to it is told."""
    return request.transport is None or not request.transport.get_write_buffer_size()


def _message(event: Event) -> bytes:
    return f"id: {event.number}\nevent: event\ndata: {json.dumps(asdict(event), ensure_ascii=False)}\n\n".encode(
        "utf-8", "replace"
    )
