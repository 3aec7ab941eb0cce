"""The players of one process: who connects is answered, who listens is fed by the fan-out."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from distreamer.core.played import Played
from distreamer.core.ports import Clock
from distreamer.core.time_limit import time_limit
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus
from distreamer.outputs.audience import AGENT_CHARACTERS, Audience
from distreamer.outputs.fan_out import FanOut
from distreamer.outputs.open_files import most_connections
from distreamer.outputs.player_connection import PlayerConnection
from distreamer.outputs.player_rules import PlayerRules
from distreamer.protocol.charset import one_line, repaired
from distreamer.protocol.forwarded import Visitor, visitor_of
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.listener_http import StreamBegins, answer, bad_request
from distreamer.protocol.player_habits import is_probe
from distreamer.protocol.server_view import ListenerFacts, Programme, Refusal, ServerView
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
        self._fan_out = FanOut(clock, rules.burst_seconds, rules.timeout_seconds, self._close, rules.on_format_change)
        self._audience = Audience[PlayerConnection](clock)
        self._info: StreamInfo | None = None
        self._started_at = clock.wall()
        self._stream_began_at = clock.wall()
        self._is_open = False
        # Every connection, and when it ends if it has not become a listener or gone by itself; None for never.
        self._connections: dict[PlayerConnection, float | None] = {}
        self._most_connections = rules.most_listeners
        self._all_gone = asyncio.Event()
        self._refused_connections = 0

    @property
    def info(self) -> StreamInfo | None:
        """What is played; None when nothing ever was."""
        return self._info

    @property
    def connected(self) -> int:
        """Listeners now."""
        return self._audience.connected

    def status(self) -> ListenersStatus:
        return replace(
            self._audience.status(),
            moved_forward=self._fan_out.moved_forward,
            closed_without_audio=self._fan_out.closed_without_audio,
            cut_off=self._fan_out.cut_off,
            refused_connections=self._refused_connections,
        )

    def obey(self, rules: PlayerRules) -> None:
        """Other rules from now on. Those who listen stay."""
        self._rules = rules
        self._fan_out.serve_by(rules.burst_seconds, rules.timeout_seconds, rules.on_format_change)
        self._most_connections = most_connections(rules.most_listeners)

    def facts(self) -> list[ListenerFacts]:
        """Everybody who listens."""
        now = self._clock.now()
        return [
            ListenerFacts(one.number, one.address, one.agent, now - one.begun_at)
            for one in self._fan_out.listeners()
            if one.number
        ]

    def kick(self, number: int) -> bool:
        """Ends the connection of the listener of that number; False when there is none. It may come again."""
        found = next((one for one in self._fan_out.listeners() if one.number == number), None)
        if found is None or not number:
            return False
        self._log.info("a listener was disconnected, as the operator asked", peer=found.peer)
        self._fan_out.leave(found)
        self._close(found)
        return True

    def begin(self, recent: Sequence[Played]) -> None:
        """Starts with what was played lately; there must be no listeners. ``serve`` is called next."""
        self._is_open = True
        self._fan_out.begin(recent)
        self._info = recent[-1].info if recent else None
        self._stream_began_at = self._clock.wall()

    def play(self, played: Played) -> None:
        """A fragment is due."""
        is_first = self._info is None
        self._info = played.info
        self._fan_out.play(played)
        if is_first:
            self._stream_began_at = self._clock.wall()
            self._changed()

    async def serve(self, sockets: Iterable[socket.socket]) -> None:
        """Accepts on ``sockets``, which listen and stay the caller's, until it is cancelled. Listeners then get what
        is left of what they were sent, as far as they take it soon."""
        undo: list[Callable[[], None]] = []
        self._most_connections = most_connections(self._rules.most_listeners)
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
        scheme = "https" if connection.is_encrypted else "http"
        visitor = visitor_of(request.headers, connection.address, self._rules.trusted_proxies, scheme)
        if visitor.address != connection.address:
            connection.peer = connection.address = visitor.address
        answered = answer(request, self._view(visitor))
        if isinstance(answered, StreamBegins):
            self._begin(connection, request, answered)
            return
        if answered.refusal is not None:
            self._audience.refused(answered.refusal)
        if answered.refusal is Refusal.PASSWORD:
            self._log.warning("a wrong password was given", peer=connection.peer)
        connection.write(answered.data)
        self._close(connection)

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
        self._fan_out.leave(connection)
        self._left(connection)
        if not self._connections:
            self._all_gone.set()

    # -- inside

    def _begin(self, connection: PlayerConnection, request: RequestHead, answered: StreamBegins) -> None:
        self._connections[connection] = None
        connection.write(answered.head)
        connection.frame(answered.framing)
        connection.agent = sys.intern(one_line(repaired(request.headers.raw("user-agent")))[:AGENT_CHARACTERS])
        # While nothing is played a burst would only repeat, at each reconnect, what the player had already.
        self._fan_out.join(connection, icy=answered.icy, burst=self._programme().is_heard)
        self._log.debug("listener joined", peer=connection.peer, player=connection.agent, titles=answered.icy)
        if is_probe(request):
            self._audience.watch(connection)
        else:
            self._audience.join(connection)
            self._changed()

    def _left(self, connection: PlayerConnection) -> None:
        if self._audience.leave(connection):
            self._log.debug("listener left", peer=connection.peer)
            self._changed()

    def _count_probes(self) -> None:
        """Those who went on listening are listeners like all others, if there is room for them."""
        for connection in self._audience.probes_that_listen():
            refusal = self._refusal(connection.address)
            if refusal is None:
                self._audience.join(connection)
                self._changed()
            else:
                self._audience.refused(refusal)
                self._fan_out.leave(connection)
                self._close(connection)

    def _refusal(self, address: str) -> Refusal | None:
        room = self._rules.most_listeners - self._programme().elsewhere.connected
        return self._audience.refusal(address, room, self._rules.most_per_address)

    def _view(self, visitor: Visitor) -> ServerView:
        programme = self._programme()
        status, elsewhere = self._audience.status(), programme.elsewhere
        rules = self._rules
        return ServerView(
            info=self._info,
            base_url=visitor.base_url,
            required_path=rules.required_path,
            refusal=self._refusal(visitor.address),
            body=rules.body,
            admin_password=rules.admin_password,
            connected=status.connected + elsewhere.connected,
            unique=status.unique + elsewhere.unique,
            peak=max(status.peak, elsewhere.peak),
            served=status.served + elsewhere.served,
            maximum=rules.most_listeners,
            average_seconds=self._audience.average_seconds,
            listeners=self.facts,
            at=self._clock.wall(),
            started_at=self._started_at,
            stream_began_at=self._stream_began_at,
            title=programme.title,
            title_heard_since=programme.title_heard_since,
            fragment_numbers=programme.fragment_numbers,
            store_age_seconds=programme.store_age_seconds,
        )

    def _close(self, connection: PlayerConnection) -> None:
        """Ends a connection when what was written is sent, or when that takes too long."""
        if connection in self._connections:
            self._connections[connection] = self._clock.now() + PATIENCE_SECONDS
        self._left(connection)
        connection.close()

    async def _sweep(self) -> None:
        """Ends the connections whose time is over."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock.now()
            for connection in [one for one, end in self._connections.items() if end is not None and end <= now]:
                connection.abort()
            self._count_probes()

    async def _close_all(self) -> None:
        self._fan_out.close_listeners()
        for connection in tuple(self._connections):
            connection.close()
        if self._connections:
            try:
                async with time_limit(SHUTDOWN_SECONDS):
                    await self._all_gone.wait()
            except TimeoutError:
                for connection in tuple(self._connections):
                    connection.abort()
