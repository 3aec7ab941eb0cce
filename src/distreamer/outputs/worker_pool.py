"""Several processes that serve the players of one port (WORKERS): one core each, and all hear the same.

Every worker has listening sockets of its own on the port (SO_REUSEPORT), among which the system deals out who
connects. They stay open here, so that nobody is refused while a worker that ended is started again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.core.killed import until_dead
from distreamer.core.module import Supervise
from distreamer.core.played import RECENT_BYTES, Played
from distreamer.core.time_limit import time_limit
from distreamer.errors import ResourceError
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus
from distreamer.outputs.player_rules import PlayerRules
from distreamer.outputs.player_server import SHUTDOWN_SECONDS
from distreamer.outputs.worker_messages import (
    REPORT_SECONDS,
    Begin,
    News,
    Obey,
    Report,
    Said,
    packed,
    receive,
    travelling,
)
from distreamer.protocol.server_view import Programme

NEWS_SECONDS = 1.0
"""How often workers are told of the programme and of one another's listeners."""
SILENT_SECONDS = 6 * REPORT_SECONDS
"""A worker that has reported nothing for so long hangs, and is replaced."""
END_SECONDS = SHUTDOWN_SECONDS + 2.0
"""How long a worker may take to end when it is told so."""


class WorkerPool:
    """Does for several processes what PlayerServer does for one."""

    def __init__(
        self,
        rules: PlayerRules,
        log: FilteringBoundLogger,
        programme: Callable[[], Programme],
        changed: Callable[[], None],
        files: tuple[Path | None, Path | None],
        workers: int,
        recent: Callable[[], Sequence[Played]],
        supervise: Supervise,
    ) -> None:
        """``programme`` and ``changed`` as for a PlayerServer; ``files`` are those of the certificate and its key;
        ``recent`` gives what was played lately, at any time."""
        self._rules = rules
        self._log = log
        self._programme = programme
        self._changed = changed
        self._files = files
        self._count = workers
        self._recent = recent
        self._supervise = supervise
        self._workers: list[_Worker] = []
        self._past = ListenersStatus()
        """The counters of workers that ended."""
        self._peak = 0
        self.info: StreamInfo | None = None
        """What is played; None when nothing ever was."""

    @property
    def connected(self) -> int:
        """Listeners now."""
        return sum(worker.status.connected for worker in self._workers)

    def status(self) -> ListenersStatus:
        return replace(added([self._past, *(worker.status for worker in self._workers)]), peak=self._peak)

    def obey(self, rules: PlayerRules) -> None:
        """Other rules from now on. Those who listen stay."""
        self._rules = rules
        for worker in self._workers:
            worker.tell(packed(Obey(rules)))

    def begin(self, recent: Sequence[Played]) -> None:
        """Starts with what was played lately."""
        self.info = recent[-1].info if recent else None

    def play(self, played: Played) -> None:
        """A fragment is due."""
        is_first, self.info = self.info is None, played.info
        message = packed(played)
        for worker in self._workers:
            worker.tell(message)
        if is_first:
            self._changed()

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Deals ``sockets`` out among the workers, and runs these until it is cancelled. The sockets listen, as many
        on each address as there are workers, and stay the caller's."""
        self._workers = [_Worker(self, sockets[number :: self._count]) for number in range(self._count)]
        try:
            async with asyncio.TaskGroup() as group:
                for number, worker in enumerate(self._workers, 1):
                    name = f"worker {number}"
                    group.create_task(self._supervise(name, worker.run), name=name)
                group.create_task(self._tell_news(), name="news for the workers")
        finally:
            self._workers = []
            self._changed()

    async def _tell_news(self) -> None:
        while True:
            programme = travelling(self._programme())
            for worker in self._workers:
                elsewhere = added([other.status for other in self._workers if other is not worker])
                worker.tell(packed(News(replace(programme, elsewhere=replace(elsewhere, peak=self._peak)))))
            await asyncio.sleep(NEWS_SECONDS)

    # -- what workers need and tell

    def beginning(self) -> Begin:
        """What a worker must know when it starts."""
        return Begin(
            rules=self._rules,
            programme=travelling(self._programme()),
            recent=tuple(self._recent()),
            certificate=self._files[0],
            key=self._files[1],
            details=self._log.is_enabled_for(logging.DEBUG),
        )

    def reported(self) -> None:
        """The listeners of a worker have changed."""
        self._peak = max(self._peak, self.connected)
        self._changed()

    def ended(self, status: ListenersStatus) -> None:
        """A worker is gone with its listeners; what it had counted stays."""
        self._past = replace(added([self._past, status]), connected=0)
        self._changed()

    def said(self, line: Said) -> None:
        getattr(self._log, line.level)(line.event, **line.values)


class _Worker:
    """One process after the other."""

    def __init__(self, pool: WorkerPool, sockets: Sequence[socket.socket]) -> None:
        self._pool = pool
        self._sockets = sockets
        self._untold: deque[bytes] = deque()
        self._untold_bytes = 0
        self._news = asyncio.Event()
        self.status = ListenersStatus()

    def tell(self, message: bytes) -> None:
        """Sends ``message`` when the worker takes it. One that takes nothing is replaced before long; until then the
        oldest messages make room."""
        self._untold.append(message)
        self._untold_bytes += len(message)
        while self._untold_bytes > RECENT_BYTES:
            self._untold_bytes -= len(self._untold.popleft())
        self._news.set()

    async def run(self) -> None:
        """Until the worker ends, which it should not (ResourceError), or this is cancelled."""
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undo:
            undo.callback(ours.close)
            inherited = [theirs.fileno(), *(one.fileno() for one in self._sockets)]
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "distreamer.outputs.listener_worker", *map(str, inherited)),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=inherited,
                    # Ctrl-C is for the instance, which then ends its workers. (uvloop knows no process_group.)
                    start_new_session=True,
                )
            except OSError as error:
                raise ResourceError(f"no listener worker can be started: {error.strerror or error}") from error
            undo.pop_all()
        try:
            await self._converse(ours)
        finally:
            self._pool.ended(self.status)
            self.status = ListenersStatus()
            await _end(process)
        raise ResourceError(f"a listener worker ended by itself ({_how(process.returncode)}); its listeners come again")

    async def _converse(self, ours: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=ours)
        self._untold.clear()
        self._untold_bytes = 0
        self.tell(packed(self._pool.beginning()))
        sender = asyncio.create_task(self._send(writer), name="to the worker")
        try:
            await self._listen(reader)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                await self._news.wait()
                self._news.clear()
                while self._untold:
                    message = self._untold.popleft()
                    self._untold_bytes -= len(message)
                    writer.write(message)
                    await writer.drain()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    message = await receive(reader)
            except TimeoutError:
                raise ResourceError(
                    f"a listener worker said nothing for {SILENT_SECONDS:g} s; it is replaced"
                ) from None
            match message:
                case None:
                    return
                case Report():
                    self.status = message.status
                    self._pool.reported()
                case Said():
                    self._pool.said(message)


def added(parts: Sequence[ListenersStatus]) -> ListenersStatus:
    """The sums of all counters."""
    return ListenersStatus(
        **{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(ListenersStatus)}
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    """Its socket is closed, which tells it to end; one that does not is killed."""
    try:
        async with time_limit(END_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await until_dead(process)


def _how(code: int | None) -> str:
    return f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
