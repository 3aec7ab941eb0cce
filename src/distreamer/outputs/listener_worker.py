"""A process that serves players for an instance: ``python -m distreamer.outputs.listener_worker LINK SOCKET…``.

The arguments are file descriptors that the instance handed down: the socket to it, and those that listen. It is
started by ``outputs/worker_pool.py``, and ends when the instance does.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from distreamer.core.clock import LoopClock
from distreamer.core.event_loop import loop_factory
from distreamer.core.held_memory import hold_memory
from distreamer.core.played import Played
from distreamer.outputs.player_server import PlayerServer
from distreamer.outputs.worker_messages import REPORT_SECONDS, Begin, Message, News, Obey, Report, Said, packed, receive
from distreamer.protocol.server_view import Programme
from distreamer.transport.certificate import Certificate

LEAST_SECONDS = 0.1
"""Between two reports."""


class Worker:
    """The worker's end of the conversation, and its players."""

    def __init__(self, begin: Begin, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._programme = begin.programme
        self._changed = asyncio.Event()
        self._certificate = Certificate.of(begin.certificate, begin.key)
        self._log = self._logger(begin.details)
        self._players = PlayerServer(
            begin.rules,
            LoopClock(),
            self._log,
            self._what_is_on_air,
            self._changed.set,
            lambda: self._certificate.context() if self._certificate else None,
        )
        self._players.begin(begin.recent)

    async def serve(self, reader: asyncio.StreamReader, sockets: Sequence[socket.socket]) -> None:
        """Until the instance is gone or wants it to end."""
        jobs = [self._players.serve(sockets), self._report()]
        if self._certificate is not None:
            jobs.append(self._certificate.watch(self._log))
        tasks = [asyncio.create_task(job) for job in jobs]
        obeying = asyncio.create_task(self._obey(reader))
        try:
            done, _ = await asyncio.wait([obeying, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what must not happen
        finally:
            for task in (obeying, *tasks):
                task.cancel()
            await asyncio.gather(obeying, *tasks, return_exceptions=True)

    async def _obey(self, reader: asyncio.StreamReader) -> None:
        while (message := await receive(reader)) is not None:
            if isinstance(message, Played):
                self._players.play(message)
            elif isinstance(message, News):
                self._programme = message.programme
            elif isinstance(message, Obey):
                self._players.obey(message.rules)

    async def _report(self) -> None:
        while True:
            self._tell(Report(self._players.status()))
            await asyncio.sleep(LEAST_SECONDS)
            try:
                async with asyncio.timeout(REPORT_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue
            self._changed.clear()

    def _what_is_on_air(self) -> Programme:
        return self._programme

    def _tell(self, message: Message) -> None:
        self._writer.write(packed(message))

    def _logger(self, details: bool) -> FilteringBoundLogger:
        """Lines go to the instance, which has the log."""

        def send(_: WrappedLogger, level: str, event: EventDict) -> str:
            text = str(event.pop("event", ""))
            self._tell(Said(level, text, dict(event)))
            raise structlog.DropEvent

        least = 10 if details else 20
        logger: FilteringBoundLogger = structlog.wrap_logger(
            None, processors=[send], wrapper_class=structlog.make_filtering_bound_logger(least)
        )
        return logger


async def work(link: socket.socket, sockets: Sequence[socket.socket]) -> None:
    """Serves players until the instance at the other end of ``link`` is gone."""
    reader, writer = await asyncio.open_connection(sock=link)
    try:
        begin = await receive(reader)
        if isinstance(begin, Begin):
            await Worker(begin, writer).serve(reader, sockets)
    finally:
        writer.close()


def main(arguments: Sequence[str]) -> None:
    # The instance alone decides when a worker ends; a service manager signals all processes of a service.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    link, *sockets = [socket.socket(fileno=int(number)) for number in arguments]
    for one in (link, *sockets):
        one.setblocking(False)
    hold_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work(link, sockets))


if __name__ == "__main__":
    main(sys.argv[1:])
