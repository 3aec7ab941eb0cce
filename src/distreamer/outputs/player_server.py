"""The players of one process: who connects is answered, who listens is fed by the fan-out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from distreamer.core.played import Played
from distreamer.core.ports import Clock
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus
from distreamer.outputs.fan_out import FanOut
from distreamer.outputs.open_files import most_connections
from distreamer.outputs.player_connection import PlayerConnection
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.listener_http import Reply, StreamBegins, answer, bad_request
from distreamer.protocol.server_view import Programme, ServerView
from distreamer.transport.tcp import BACKLOG
from distreamer.transport.tls_layer import TlsConnection, TlsLayer

PATIENCE_SECONDS = 10.0
"""For a request to come, and for the last bytes to be taken."""
SHUTDOWN_SECONDS = 2.0
"""For listeners to take what is buffered when the server ends."""
SWEEP_SECONDS = 1.0
ACCEPTED_AT_ONCE = 32
"""Connections taken from the system before those that are too many are refused. asyncio takes as many at a time as
may wait; without a free file, it would complain as often, and again each second."""


@dataclass(frozen=True, slots=True)
class PlayerRules:
    """What a station allows its players."""

    burst_seconds: float
    """How much of what was played before a new listener gets at once."""
    timeout_seconds: float
    """Listeners without audio for so long are disconnected; 0 for never."""
    required_path: str
    """The only path that is served; empty for all."""
    most_listeners: int


class PlayerServer:
    """Answers players, and lets the fan-out feed those that listen."""

    def __init__(
        self,
        rules: PlayerRules,
        clock: Clock,
        log: FilteringBoundLogger,
        programme: Callable[[], Programme],
        changed: Callable[[], None],
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    ) -> None:
        """``programme`` tells what is on air; ``changed`` is called when a listener came or went, or when there is a
        stream at last; ``tls`` gives what players that want TLS are met with."""
        self._rules = rules
        self._clock = clock
        self._log = log
        self._programme = programme
        self._changed = changed
        self._tls = tls
        self._tls_layer = TlsLayer()
        self._fan_out = FanOut(clock, rules.burst_seconds, rules.timeout_seconds, self._close)
        self._info: StreamInfo | None = None
        self._is_open = False
        # Every connection, and when it ends if it has not become a listener or gone by itself; None for never.
        self._connections: dict[PlayerConnection, float | None] = {}
        self._most_connections = 0
        self._all_gone = asyncio.Event()
        self._refused_connections = 0

    @property
    def info(self) -> StreamInfo | None:
        """What is played; None when nothing ever was."""
        return self._info

    @property
    def connected(self) -> int:
        """Listeners now."""
        return self._fan_out.connected

    def status(self) -> ListenersStatus:
        return replace(self._fan_out.status(), refused_connections=self._refused_connections)

    def begin(self, recent: Sequence[Played]) -> None:
        """Starts with what was played lately; there must be no listeners."""
        self._fan_out.begin(recent)
        self._info = recent[-1].info if recent else None

    def play(self, played: Played) -> None:
        """A fragment is due."""
        is_first = self._info is None
        self._info = played.info
        self._fan_out.play(played)
        if is_first:
            self._changed()

    async def serve(self, sockets: Iterable[socket.socket]) -> None:
        """Accepts on ``sockets``, which listen and stay the caller's, until it is cancelled. Listeners then get what
        is left of what they were sent, as far as they take it soon."""
        undo: list[Callable[[], None]] = []
        self._most_connections = most_connections(self._rules.most_listeners)
        self._is_open = True
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.TaskGroup() as group:
                for one in sockets:
                    server = await loop.create_server(
                        lambda: PlayerConnection(self), sock=one, backlog=ACCEPTED_AT_ONCE
                    )
                    undo.append(server.close)
                    one.listen(BACKLOG)
                group.create_task(self._fan_out.run(), name="fan-out")
                group.create_task(self._sweep(), name="players: sweep")
        finally:
            self._is_open = False
            for step in undo:
                step()
            await self._close_all()

    # -- what connections tell and ask

    def begin_tls(self) -> TlsConnection | None:
        context = self._tls()
        return None if context is None else self._tls_layer.connection(context)

    def opened(self, connection: PlayerConnection) -> None:
        self._all_gone.clear()
        self._connections[connection] = self._clock.now() + PATIENCE_SECONDS
        if not self._is_open:
            connection.abort()  # It was accepted at the moment when the server ended.
        elif len(self._connections) > self._most_connections:
            self._refused_connections += 1
            connection.abort()

    def asked(self, connection: PlayerConnection, request: RequestHead) -> None:
        answered = answer(request, self._view())
        if isinstance(answered, Reply):
            connection.write(answered.data)
            self._close(connection)
            return
        self._begin(connection, request, answered)

    def misasked(self, connection: PlayerConnection, reason: str) -> None:
        self._log.info("what came is no HTTP request", peer=connection.peer, reason=reason)
        connection.write(bad_request(reason).data)
        self._close(connection)

    def stuck(self, connection: PlayerConnection) -> None:
        self._fan_out.stuck(connection)

    def unstuck(self, connection: PlayerConnection) -> None:
        self._fan_out.unstuck(connection)

    def closed(self, connection: PlayerConnection) -> None:
        self._connections.pop(connection, None)
        if self._fan_out.leave(connection):
            self._log.debug("listener left", peer=connection.peer)
            self._changed()
        if not self._connections:
            self._all_gone.set()

    # -- inside

    def _begin(self, connection: PlayerConnection, request: RequestHead, answered: StreamBegins) -> None:
        self._connections[connection] = None
        connection.write(answered.head)
        # While nothing is played a burst would only repeat, at each reconnect, what the player had already.
        self._fan_out.join(connection, icy=answered.icy, burst=self._programme().is_heard)
        player = request.headers.get("user-agent")
        self._log.debug("listener joined", peer=connection.peer, player=player, titles=answered.icy)
        self._changed()

    def _view(self) -> ServerView:
        programme = self._programme()
        status, elsewhere = self._fan_out.status(), programme.elsewhere
        connected = status.connected + elsewhere.connected
        return ServerView(
            info=self._info,
            required_path=self._rules.required_path,
            has_room=connected < self._rules.most_listeners,
            connected=connected,
            peak=max(status.peak, elsewhere.peak),
            maximum=self._rules.most_listeners,
            title=programme.title,
            fragment_numbers=programme.fragment_numbers,
            store_age_seconds=programme.store_age_seconds,
        )

    def _close(self, connection: PlayerConnection) -> None:
        """Ends a connection when what was written is sent, or when that takes too long."""
        if connection in self._connections:
            self._connections[connection] = self._clock.now() + PATIENCE_SECONDS
        connection.close()

    async def _sweep(self) -> None:
        """Ends the connections whose time is over."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock.now()
            for connection in [one for one, end in self._connections.items() if end is not None and end <= now]:
                connection.abort()

    async def _close_all(self) -> None:
        self._fan_out.close_listeners()
        for connection in tuple(self._connections):
            connection.close()
        if self._connections:
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self._all_gone.wait()
            except TimeoutError:
                for connection in tuple(self._connections):
                    connection.abort()
