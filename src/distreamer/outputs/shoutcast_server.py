"""The OUTPUT mode ShoutcastServer: players connect and listen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from distreamer.config.differences import changed_fields
from distreamer.config.fields import BindAddress, Port, Seconds
from distreamer.config.settings import PlayingOutputSettings
from distreamer.core.format_change import OnFormatChange
from distreamer.core.module import OutputContext
from distreamer.core.played import Played
from distreamer.model.audio import StreamInfo
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.fan_out import FanOut
from distreamer.outputs.open_files import raise_open_file_limit
from distreamer.outputs.player_connection import PlayerConnection
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.listener_http import Reply, StreamBegins, answer, bad_request
from distreamer.protocol.server_view import ServerView
from distreamer.transport.tcp import BACKLOG, listening_sockets, spoken_address

PATIENCE_SECONDS = 10.0
"""For a request to come, and for the last bytes to be taken."""
SHUTDOWN_SECONDS = 2.0
"""For listeners to take what is buffered when the server ends."""
SWEEP_SECONDS = 1.0
SEND_BUFFER_BYTES = 256 * 1024
"""What the system may hold for a listener. Left to itself it takes megabytes, minutes of audio, before it tells
that a player is slow."""
SPARE_FILES = 256
"""Open files for all else than players: above all for the link, which must get its connections however many come."""
ACCEPTED_AT_ONCE = 32
"""Connections taken from the system before those that are too many are refused. asyncio takes as many at a time as
may wait; without a free file, it would complain as often, and again each second."""
MAXIMUM_OTHERS = 2 * BACKLOG
"""Connections beyond MAXLISTENERS that may have yet to ask, or to take an answer: a herd of players is accepted
before the first of them is heard."""


ADOPTED_FIELDS = frozenset({"timeout", "requireurl", "burstseconds", "maxlisteners", "minfragments", "onformatchange"})
"""Settings that can change while it serves."""


class ShoutcastServerSettings(PlayingOutputSettings):
    """Serves players, as Icecast and SHOUTcast servers do.

    Every path plays, except playlists (any path that ends in .m3u, .pls or .xspf) and the figures at /status-json.xsl,
    /7.html, /currentsong and /stats.
    """

    hostname: BindAddress = "0.0.0.0"
    """The address to listen on; 0.0.0.0 for all of this machine's IPv4 addresses, :: for all of its IPv6
    addresses."""

    port: Port = 8080
    """The TCP port to listen on. Players open http://this-machine:PORT/ with any path. 0 takes a free port,
    which the log then names."""

    timeout: Annotated[Seconds, Field(ge=0, le=86400)] = 30
    """When there was no audio to send for this long, listeners are disconnected; 0 for never."""

    requireurl: Annotated[str, Field(max_length=1000, examples=["live.mp3"])] = ""
    """The only path that players may ask for, without its first slash; others are refused. Empty: every path
    plays."""

    burstseconds: Annotated[Seconds, Field(ge=0, le=25)] = 10
    """How much audio that was played before a new listener gets at once. It fills the player's buffer, so that
    sound begins quickly and goes on through the hiccups of the listener's own network."""

    maxlisteners: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """How many may listen at the same time; one more is refused."""


class ShoutcastServer:
    """Answers players, and lets the fan-out feed those that listen."""

    def __init__(self, settings: ShoutcastServerSettings, context: OutputContext) -> None:
        self._settings = settings
        self._context = context
        self._clock = context.clock
        rule = OnFormatChange(settings.onformatchange)
        self._fan_out = FanOut(context.clock, settings.burstseconds, settings.timeout, self._close, rule)
        self._info: StreamInfo | None = None
        self._store_changed_at = context.clock.now()
        self._address: tuple[str, int] | None = None
        # Every connection, and when it ends if it has not become a listener or gone by itself; None for never.
        self._connections: dict[PlayerConnection, float | None] = {}
        self._most_connections = settings.maxlisteners + MAXIMUM_OTHERS
        self._all_gone = asyncio.Event()
        self.refused_connections = 0
        """Connections closed unheard because there were MAXIMUM_OTHERS beside the listeners, or as many as the system
        allows."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that players can connect to; None while nothing listens there."""
        return self._address

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return self._fan_out.status()

    def adopt(self, settings: ShoutcastServerSettings) -> bool:
        """Takes all but what its sockets were opened with; see ``core.module.Adopting``."""
        if changed_fields(self._settings, settings) - ADOPTED_FIELDS:
            return False
        self._settings = settings
        self._fan_out.serve_by(settings.burstseconds, settings.timeout, OnFormatChange(settings.onformatchange))
        self._bound_connections()
        return True

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen."""
        sockets = self._listen()
        undo: list[Callable[[], None]] = []
        try:
            recent = self._context.playout.recent()
            self._fan_out.begin(recent)
            self._info = recent[-1].info if recent else None
            undo.append(self._context.playout.subscribe(self._play))
            undo.append(self._context.store.subscribe(self._note_change))
            loop = asyncio.get_running_loop()
            async with asyncio.TaskGroup() as group:
                for one in sockets:
                    server = await loop.create_server(
                        lambda: PlayerConnection(self), sock=one, backlog=ACCEPTED_AT_ONCE
                    )
                    undo.append(server.close)
                    one.listen(BACKLOG)
                self._say_health()
                group.create_task(self._fan_out.run(), name="fan-out")
                group.create_task(self._sweep(), name="shoutcast server: sweep")
        finally:
            self._address = None
            for step in undo:
                step()
            for one in sockets:
                one.close()
            await self._close_all()

    # -- what connections tell

    def opened(self, connection: PlayerConnection) -> None:
        self._all_gone.clear()
        self._connections[connection] = self._clock.now() + PATIENCE_SECONDS
        if self._address is None:
            connection.abort()  # It was accepted at the moment when the server ended.
        elif len(self._connections) > self._most_connections:
            self.refused_connections += 1
            connection.abort()

    def asked(self, connection: PlayerConnection, request: RequestHead) -> None:
        answered = answer(request, self._view())
        if isinstance(answered, Reply):
            connection.write(answered.data)
            self._close(connection)
            return
        self._begin(connection, request, answered)

    def misasked(self, connection: PlayerConnection, reason: str) -> None:
        self._context.log.info("what came is no HTTP request", peer=connection.peer, reason=reason)
        connection.write(bad_request(reason).data)
        self._close(connection)

    def stuck(self, connection: PlayerConnection) -> None:
        self._fan_out.stuck(connection)

    def unstuck(self, connection: PlayerConnection) -> None:
        self._fan_out.unstuck(connection)

    def closed(self, connection: PlayerConnection) -> None:
        self._connections.pop(connection, None)
        if self._fan_out.leave(connection):
            self._context.log.debug("listener left", peer=connection.peer)
            self._say_health()
        if not self._connections:
            self._all_gone.set()

    # -- inside

    def _listen(self) -> list[socket.socket]:
        settings = self._settings
        sockets = listening_sockets(settings.hostname, settings.port)
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._address = sockets[0].getsockname()[:2]
        self._bound_connections()
        self._context.log.info("listening for players", url=self._url())
        return sockets

    def _bound_connections(self) -> None:
        settings = self._settings
        wanted = settings.maxlisteners + MAXIMUM_OTHERS
        files = raise_open_file_limit(wanted + SPARE_FILES)
        self._most_connections = min(wanted, max(files - SPARE_FILES, files // 2))
        if files < settings.maxlisteners + SPARE_FILES:
            self._context.log.warning(
                "the system allows fewer connections than MAXLISTENERS: raise the limit of open files",
                maxlisteners=settings.maxlisteners,
                open_files=files,
            )

    def _begin(self, connection: PlayerConnection, request: RequestHead, answered: StreamBegins) -> None:
        self._connections[connection] = None
        connection.write(answered.head)
        # While nothing is played a burst would only repeat, at each reconnect, what the player had already.
        self._fan_out.join(connection, icy=answered.icy, burst=self._context.playout.is_heard)
        player = request.headers.get("user-agent")
        self._context.log.debug("listener joined", peer=connection.peer, player=player, titles=answered.icy)
        self._say_health()

    def _view(self) -> ServerView:
        epoch = self._context.store.newest_epoch
        return ServerView(
            info=self._info,
            required_path=self._settings.requireurl,
            has_room=self._fan_out.connected < self._settings.maxlisteners,
            connected=self._fan_out.connected,
            peak=self._fan_out.status().peak,
            maximum=self._settings.maxlisteners,
            title=self._heard_title,
            fragment_numbers=epoch.numbers if epoch else (),
            store_age_seconds=self._clock.now() - self._store_changed_at,
        )

    def _heard_title(self) -> str:
        title = self._context.playout.status().title
        return title.text if title else ""

    def _play(self, played: Played) -> None:
        is_first = self._info is None
        self._info = played.info
        self._fan_out.play(played)
        if is_first:
            self._say_health()

    def _note_change(self) -> None:
        self._store_changed_at = self._clock.now()

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

    def _say_health(self) -> None:
        url = self._url()
        if self._info is None:
            self._context.health.starting(f"no stream yet: players that ask {url} get 404")
            return
        count = self._fan_out.connected
        self._context.health.running(f"{count} {'listener' if count == 1 else 'listeners'} on {url}")

    def _url(self) -> str:
        return f"http://{spoken_address(*self._address)}/" if self._address else ""
